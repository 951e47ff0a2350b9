import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { ApiError, client, got } from "@/lib/api";
import { useLiveEvents } from "@/lib/live";
import { useWorkspaceQuery } from "@/lib/session";
import { type News, type Pages, pagesWith, patched, rowsOf, withFirst } from "./cache";
import { fetchPage, type TableKey } from "./queries";
import { type Row, rowOf } from "./row";

const GATHER_MS = 700;
const SINGLY = 20;
const AT_ONCE = 5;
const PROGRESS_MS = 4_000;
const NEW = new Set(["job.submitted", "job.forked", "job.replayed"]);

/**
 * Keeps the loaded pages true: after events the few jobs that they are about are asked for and put into their rows;
 * if there are many, only the pages that hold them; new jobs come with the first page.
 */
export function useLiveTable(key: TableKey): void {
  const queries = useQueryClient();
  const changed = useRef(new Set<string>());
  const fresh = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);

  useEffect(() => {
    const ids = changed.current;
    return () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
      fresh.current = false;
      ids.clear();
    };
  }, [key]);

  useLiveEvents((event) => {
    if (event.job_id === null || !event.kind.startsWith("job.")) return;
    if (NEW.has(event.kind)) fresh.current = true;
    else changed.current.add(event.job_id);
    timer.current ??= setTimeout(() => void catchUp(), GATHER_MS);
  });

  async function catchUp(): Promise<void> {
    const ids = new Set(changed.current);
    const isNew = fresh.current;
    changed.current.clear();
    fresh.current = false;
    try {
      await refresh(ids, isNew);
    } catch {
      // The table stays as it was; the next event, or the end of the break, brings it up to date.
    } finally {
      timer.current =
        changed.current.size || fresh.current ? setTimeout(() => void catchUp(), GATHER_MS) : null;
    }
  }

  async function refresh(ids: Set<string>, isNew: boolean): Promise<void> {
    const data = queries.getQueryData<Pages>(key);
    if (data === undefined) return;
    const put = (change: (data: Pages) => Pages) =>
      queries.setQueryData<Pages>(key, (now) => (now === undefined ? now : change(now)));
    const statuses = key[1].status;
    const loaded = new Set(rowsOf(data).map((row) => row.id));
    const known = [...ids].filter((id) => loaded.has(id));
    if (known.length <= SINGLY) {
      const news = await singly(known);
      put((now) => patched(now, news, statuses));
    } else {
      for (const at of pagesWith(data, new Set(known))) {
        const page = await fetchPage(key, data.pageParams[at] ?? null);
        // New jobs may have pushed rows out of the first page; only a status that was chosen tells that they have gone.
        const gone = at > 0 || page.next === null || statuses.length > 0 ? known : [];
        const held = new Set(data.pages[at]!.rows.map((row) => row.id));
        const news = new Map<string, Row | null>(gone.filter((id) => held.has(id)).map((id) => [id, null]));
        for (const row of page.rows) news.set(row.id, row);
        put((now) => patched(now, news, statuses));
      }
    }
    // With a status chosen, a job that was not shown may be one of them now.
    if (isNew || (statuses.length > 0 && known.length < ids.size)) {
      const first = await fetchPage(key, null);
      put((now) => withFirst(now, first));
    }
  }
}

/** How these jobs are now; a job that is gone, or that one may not see, is null. */
async function singly(ids: readonly string[]): Promise<News> {
  const news = new Map<string, Row | null>();
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const some = ids.slice(at, at + AT_ONCE);
    await Promise.all(some.map(async (id) => news.set(id, await one(id))));
  }
  return news;
}

async function one(id: string): Promise<Row | null> {
  try {
    return rowOf(await got(client.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: id } } })));
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** Progress and metrics are in no event of the list: while rows run, one call asks for all that run. */
export function useProgress(key: TableKey, running: boolean): void {
  const queries = useQueryClient();
  const workspace = useWorkspaceQuery();
  const found = useQuery({
    queryKey: ["jobs-running", workspace],
    queryFn: async ({ signal }) => {
      const query = { ...workspace, status: ["running" as const], limit: 500 };
      const page = await got(client.GET("/api/v1/jobs", { params: { query }, signal }));
      return page.items.map(rowOf);
    },
    enabled: running,
    refetchInterval: PROGRESS_MS,
  });
  const rows = found.data;
  useEffect(() => {
    if (!rows?.length) return;
    const news: News = new Map(rows.map((row) => [row.id, row]));
    queries.setQueryData<Pages>(key, (data) => data && patched(data, news, key[1].status));
  }, [queries, key, rows]);
}
