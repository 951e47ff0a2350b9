/** Sets of filters with a name: some come along, others a person keeps in this browser. */
import { type Filters, NO_FILTERS, readFilters, writeFilters } from "./filters";

export interface View {
  name: string;
  filters: Filters;
}

/** By the key of their name. */
export const BUILT_IN: readonly View[] = [
  { name: "all", filters: NO_FILTERS },
  { name: "running", filters: { ...NO_FILTERS, status: ["running"] } },
  { name: "waiting", filters: { ...NO_FILTERS, status: ["queued", "paused"] } },
  { name: "failedToday", filters: { ...NO_FILTERS, status: ["failed"], since: "today" } },
];

export const MOST_VIEWS = 30;
export const LONGEST_NAME = 40;
const KEPT = "tensorfleet.jobs.views";

/** What is kept may have been written by an older version, or by hand. */
export function parseViews(text: string | null): View[] {
  try {
    const kept: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(kept)) return [];
    return kept.slice(0, MOST_VIEWS).flatMap((one: unknown) => {
      const [name, search] = Array.isArray(one) ? (one as unknown[]) : [];
      if (typeof name !== "string" || typeof search !== "string" || !name) return [];
      return [{ name: name.slice(0, LONGEST_NAME), filters: readFilters(new URLSearchParams(search)) }];
    });
  } catch {
    return [];
  }
}

export function writeViews(views: readonly View[]): string {
  return JSON.stringify(views.map((view) => [view.name, writeFilters(view.filters).toString()]));
}

/** A view of the same name is replaced. */
export function withView(views: readonly View[], view: View): View[] {
  return [...views.filter((one) => one.name !== view.name), view].slice(-MOST_VIEWS);
}

export function keptViews(): View[] {
  return parseViews(localStorage.getItem(KEPT));
}

export function keepViews(views: readonly View[]): void {
  localStorage.setItem(KEPT, writeViews(views));
}
