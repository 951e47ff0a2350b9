import type { operations } from "@/lib/api/schema";
import { type Filters, sinceInstant } from "./filters";

export type ListQuery = NonNullable<operations["list_jobs"]["parameters"]["query"]>;

/** Filters as GET /api/v1/jobs takes them. */
export function asked(filters: Filters, now: Date): ListQuery {
  return { sort: filters.sort, ...narrowed(filters, now) };
}

/** The same without an order, for GET /api/v1/jobs/counts. */
export function narrowed(filters: Filters, now: Date): Omit<ListQuery, "sort" | "cursor" | "limit"> {
  return {
    ...(filters.q ? { q: filters.q } : {}),
    ...(filters.status.length ? { status: filters.status } : {}),
    ...(filters.kind ? { kind: filters.kind } : {}),
    ...(filters.since ? { since: sinceInstant(filters.since, now) } : {}),
  };
}
