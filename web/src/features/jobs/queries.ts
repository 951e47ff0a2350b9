import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { client, got } from "@/lib/api";
import { useSession, useWorkspaceQuery } from "@/lib/session";
import { type Page, type Pages, rowsOf, trimmed } from "./cache";
import type { Filters } from "./filters";
import { asked, narrowed } from "./asked";
import { rowOf } from "./row";

export const PAGE = 500;
/** Not under ["jobs"]: what an event is about is patched into the pages (live.ts), not asked for again as a whole. */
export const TABLE = "jobs-table";

export type TableKey = readonly [typeof TABLE, Filters, { workspace?: string }];

export async function fetchPage(
  [, filters, workspace]: TableKey,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<Page> {
  const query = { ...asked(filters, new Date()), ...workspace, limit: PAGE, ...(cursor ? { cursor } : {}) };
  const page = await got(client.GET("/api/v1/jobs", { params: { query }, ...(signal ? { signal } : {}) }));
  return { rows: page.items.map(rowOf), next: page.next_cursor };
}

export function useJobsTable(filters: Filters) {
  const { workspace } = useSession();
  const queries = useQueryClient();
  const key = useMemo<TableKey>(
    () => [TABLE, filters, workspace === null ? {} : { workspace }],
    [filters, workspace],
  );
  const found = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => fetchPage(key, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchOnWindowFocus: false,
    placeholderData: (before) => before,
    // Comparing ten thousand rows with those before, each time a page comes, would stop the scrolling.
    structuralSharing: false,
  });
  // Opened again, the list begins with one page: twenty are not asked for at once.
  useEffect(() => () => void queries.setQueryData<Pages>(key, (data) => trimmed(data)), [queries, key]);
  const data = found.data as Pages | undefined;
  const rows = useMemo(() => rowsOf(data), [data]);
  return { ...found, key, rows };
}

/** How many jobs there are in each status, with the other filters as they are. */
export function useCounts(filters: Filters) {
  const workspace = useWorkspaceQuery();
  const others = { ...filters, status: [] };
  const found = useQuery({
    queryKey: ["jobs", "counts", others, workspace],
    queryFn: ({ signal }) => {
      const query = { ...narrowed(others, new Date()), ...workspace };
      return got(client.GET("/api/v1/jobs/counts", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
  });
  return found.data?.counts;
}
