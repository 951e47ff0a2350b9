import { useQuery } from "@tanstack/react-query";
import { client, got } from "@/lib/api";

export function useMyself(name: string, enabled: boolean) {
  return useQuery({
    queryKey: ["users", name],
    enabled,
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/users/{user}", { params: { path: { user: name } }, signal })),
  });
}

export function useSessions() {
  return useQuery({
    queryKey: ["sessions"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/auth/sessions", { signal })).then(({ items }) => items),
  });
}
