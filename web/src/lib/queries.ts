import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./api";

/**
 * Keys begin with the noun, then the id: what an event is about invalidates by prefix.
 *
 *     ["jobs", "list", filters]   ["jobs", id]   ["jobs", id, "tasks"]   ["workers"]   ["datasets", name, version]
 */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < 3 && error instanceof ApiError && error.retriable,
        retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 5_000),
      },
    },
  });
}
