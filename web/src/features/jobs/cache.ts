/** The pages that are loaded, after news about some of their jobs.  Pure: what is the same stays the same object. */
import type { InfiniteData } from "@tanstack/react-query";
import type { Status } from "./filters";
import type { Row } from "./row";

export interface Page {
  rows: Row[];
  next: string | null;
}

export type Pages = InfiniteData<Page, string | null>;

export function rowsOf(data: Pages | undefined): Row[] {
  return data ? data.pages.flatMap((page) => page.rows) : [];
}

/** News: how a job is now, or null when it is gone. */
export type News = ReadonlyMap<string, Row | null>;

/** Each row as the news say; out goes what is gone, or has not one of these statuses any more. */
export function patched(data: Pages, news: News, statuses: readonly Status[]): Pages {
  const shown = (row: Row) => statuses.length === 0 || statuses.includes(row.status);
  let changed = false;
  const pages = data.pages.map((page) => {
    if (!page.rows.some((row) => news.has(row.id))) return page;
    changed = true;
    const rows = page.rows.flatMap((row) => {
      const now = news.has(row.id) ? news.get(row.id) : row;
      return now && shown(now) ? [now] : [];
    });
    return { ...page, rows };
  });
  return changed ? { ...data, pages } : data;
}

/**
 * With what the first page holds now: new jobs come to the front; what they have pushed out of it stays behind them.
 * The pages after it go on where it ended before, so nothing is lost between them.
 */
export function withFirst(data: Pages, fresh: Page): Pages {
  const [first, ...others] = data.pages;
  if (first === undefined) return data;
  const elsewhere = new Set(others.flatMap((page) => page.rows.map((row) => row.id)));
  const told = new Set(fresh.rows.map((row) => row.id));
  const rows = [
    ...fresh.rows.filter((row) => !elsewhere.has(row.id)),
    ...first.rows.filter((row) => !told.has(row.id)),
  ];
  const next = others.length || first.rows.length ? first.next : fresh.next;
  return { ...data, pages: [{ rows, next }, ...others] };
}

/** Which of the ids are in which page; those that are in none are left out. */
export function pagesWith(data: Pages, ids: ReadonlySet<string>): number[] {
  return data.pages.flatMap((page, at) => (page.rows.some((row) => ids.has(row.id)) ? [at] : []));
}

/** Only the first page, for when the list is opened again. */
export function trimmed(data: Pages | undefined): Pages | undefined {
  if (data === undefined || data.pages.length < 2) return data;
  return { pages: data.pages.slice(0, 1), pageParams: data.pageParams.slice(0, 1) };
}
