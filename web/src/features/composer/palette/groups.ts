import type { Algorithm } from "../queries";

export type Grouping = "task" | "library";

export interface Group<T> {
  name: string;
  items: T[];
}

function matches(search: string, ...texts: string[]): boolean {
  const all = texts.join(" ").toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** By what they predict or what they are made with; each stands in one group. */
export function grouped(algorithms: Algorithm[], by: Grouping, search: string): Group<Algorithm>[] {
  const groups = new Map<string, Algorithm[]>();
  for (const one of algorithms) {
    if (!matches(search, one.name, one.summary, one.library, ...one.tasks)) continue;
    const name = by === "task" ? one.tasks.join("+") : one.library;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return [...groups]
    .map(([name, items]) => ({ name, items }))
    .sort((a, b) => b.items.length - a.items.length);
}

/** They come with the platform: named as a dataset, one is there. */
export const SAMPLES = ["iris", "wine", "breast_cancer", "digits", "diabetes"];

export function datasetNames(known: string[], search: string): Group<string>[] {
  const own = known.filter((name) => matches(search, name));
  const had = new Set(known.map((name) => name.replaceAll("-", "_")));
  const samples = SAMPLES.filter((name) => !had.has(name) && matches(search, name));
  return [
    { name: "own", items: own },
    { name: "samples", items: samples },
  ].filter((group) => group.items.length > 0);
}
