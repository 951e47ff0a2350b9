/** How two versions of a dataset differ, column by column; pure. */
import { type Binned, placeOf } from "@/components/charts/bins";
import { type Column, type Profile, profileOf } from "./profile";
import type { Version } from "./queries";

export interface Difference {
  name: string;
  what: "added" | "removed" | "changed" | "same";
  before: Column | null;
  after: Column | null;
  /** How far the values moved: 0 the same, 1 nothing in common; null where nothing is known of them. */
  moved: number | null;
}

const SLIGHT = 0.001;

/** Columns that were added, removed or changed come first, those that moved most before the others. */
export function compareVersions(before: Version, after: Version): Difference[] {
  const old = new Map(before.columns.map((column) => [column.name, column]));
  const now = new Map(after.columns.map((column) => [column.name, column]));
  const names = [...new Set([...now.keys(), ...old.keys()])];
  const found = names.map((name): Difference => {
    const [was, is] = [old.get(name) ?? null, now.get(name) ?? null];
    const both = was !== null && is !== null;
    const moved = both ? distance(profileOf(before, name), profileOf(after, name)) : null;
    const changed =
      both && (was.type !== is.type || !sameMissing(was, before, is, after) || (moved ?? 0) > SLIGHT);
    const what = was === null ? "added" : is === null ? "removed" : changed ? "changed" : "same";
    return { name, what, before: was, after: is, moved };
  });
  const order = ["added", "removed", "changed", "same"];
  return found.sort(
    (a, b) => order.indexOf(a.what) - order.indexOf(b.what) || (b.moved ?? 0) - (a.moved ?? 0),
  );
}

function sameMissing(was: Column, before: Version, is: Column, after: Version): boolean {
  return Math.abs(was.missing / before.rows - is.missing / after.rows) <= SLIGHT;
}

/** Half of what would have to change places (total variation); of shares, so the number of rows does not matter. */
export function distance(before: Profile, after: Profile): number | null {
  if (before.histogram && after.histogram) {
    const edges = mergedEdges(before.histogram, after.histogram);
    return variation(rebinned(before.histogram, edges), rebinned(after.histogram, edges));
  }
  if (!before.top?.length || !after.top?.length) return null;
  const values = [...new Set([...before.top, ...after.top].map((one) => String(one.value)))];
  const shares = (of: Profile) => {
    const counts = new Map(of.top!.map((one) => [String(one.value), one.count]));
    return values.map((value) => counts.get(value) ?? 0);
  };
  return variation(shares(before), shares(after));
}

function variation(a: number[], b: number[]): number {
  const sum = (of: number[]) => of.reduce((total, one) => total + one, 0) || 1;
  const [wholeA, wholeB] = [sum(a), sum(b)];
  return a.reduce((total, one, at) => total + Math.abs(one / wholeA - b[at]! / wholeB), 0) / 2;
}

function mergedEdges(a: Binned, b: Binned): number[] {
  return [...new Set([...a.edges, ...b.edges].map(placeOf))].sort((x, y) => x - y);
}

/** Counts between other edges, finer ones, as if values lay evenly within a bin. */
function rebinned(of: Binned, edges: number[]): number[] {
  const places = of.edges.map(placeOf);
  let bin = 0;
  return edges.slice(1).map((end, at) => {
    const start = edges[at]!;
    while (bin < of.counts.length && places[bin + 1]! <= start) bin++;
    if (bin >= of.counts.length || end <= places[bin]!) return 0;
    const width = places[bin + 1]! - places[bin]!;
    return (of.counts[bin]! * (Math.min(end, places[bin + 1]!) - Math.max(start, places[bin]!))) / width;
  });
}

/** One axis for both. */
export function sharedRange(a: Binned | undefined, b: Binned | undefined): [number, number] | undefined {
  const places = [...(a?.edges ?? []), ...(b?.edges ?? [])].map(placeOf);
  return places.length ? [Math.min(...places), Math.max(...places)] : undefined;
}
