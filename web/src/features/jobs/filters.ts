/** What a list of jobs is narrowed to, and how it stands in the address. */
import type { Sorting } from "@/components";
import type { Schemas } from "@/lib/api";

export type Status = Schemas["JobStatus"];
export const STATUSES: readonly Status[] = [
  "queued",
  "running",
  "paused",
  "completed",
  "failed",
  "cancelled",
];
export const KINDS = ["train", "tune", "predict", "pipeline"] as const;
/** Seconds back from now; "today" began at the viewer's midnight. */
export const SINCE = { "1h": 3_600, today: 0, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400 } as const;
export type Since = keyof typeof SINCE;
const SORTABLE = ["created_at", "name", "status", "priority"] as const;
type Sortable = (typeof SORTABLE)[number];
export type Sort = Sortable | `-${Sortable}`;
export const NEWEST: Sort = "-created_at";
const LONGEST_SEARCH = 100;

export interface Filters {
  q: string;
  status: Status[];
  kind: string;
  since: Since | "";
  sort: Sort;
}

export const NO_FILTERS: Filters = { q: "", status: [], kind: "", since: "", sort: NEWEST };

/** What an address does not say, or says wrongly, is as if nobody had asked for it. */
export function readFilters(search: URLSearchParams): Filters {
  const sort = search.get("sort") ?? NEWEST;
  const since = search.get("since") ?? "";
  const kind = search.get("kind") ?? "";
  return {
    q: (search.get("q") ?? "").slice(0, LONGEST_SEARCH),
    status: STATUSES.filter((one) => search.getAll("status").includes(one)),
    kind: (KINDS as readonly string[]).includes(kind) ? kind : "",
    since: Object.hasOwn(SINCE, since) ? (since as Since) : "",
    sort: (SORTABLE as readonly string[]).includes(sort.replace(/^-/, "")) ? (sort as Sort) : NEWEST,
  };
}

export function writeFilters(filters: Filters): URLSearchParams {
  const search = new URLSearchParams();
  if (filters.q.trim()) search.set("q", filters.q.trim());
  for (const one of filters.status) search.append("status", one);
  if (filters.kind) search.set("kind", filters.kind);
  if (filters.since) search.set("since", filters.since);
  if (filters.sort !== NEWEST) search.set("sort", filters.sort);
  return search;
}

/** Whether two sets of filters show the same jobs, in whatever order. */
export function sameJobs(one: Filters, other: Filters): boolean {
  const said = (filters: Filters) => writeFilters({ ...filters, sort: NEWEST }).toString();
  return said(one) === said(other);
}

export function isFiltered(filters: Filters): boolean {
  return !sameJobs(filters, NO_FILTERS);
}

export function sinceInstant(since: Since, now: Date): string {
  const begin = new Date(now);
  if (since === "today") begin.setHours(0, 0, 0, 0);
  else begin.setTime(now.getTime() - SINCE[since] * 1000);
  return begin.toISOString();
}

const COLUMNS: Record<string, Sortable> = {
  created: "created_at",
  name: "name",
  status: "status",
  priority: "priority",
};

export function sortingOf(sort: Sort): Sorting {
  const field = sort.replace(/^-/, "");
  const by = Object.keys(COLUMNS).find((column) => COLUMNS[column] === field) ?? "created";
  return { by, descending: sort.startsWith("-") };
}

export function sortOf({ by, descending }: Sorting): Sort {
  const field = COLUMNS[by] ?? "created_at";
  return descending ? `-${field}` : field;
}

/** How many jobs a list has altogether, of the counts of each status. */
export function totalOf(counts: Readonly<Record<string, number>>, chosen: readonly Status[]): number {
  const some = chosen.length ? chosen : Object.keys(counts);
  return some.reduce((sum, status) => sum + (counts[status] ?? 0), 0);
}
