/** Metrics of several jobs: whose is the best, and their courses on one axis. */
import { lowerIsBetter } from "@/lib/metrics";

type Metrics = Readonly<Record<string, number | null>>;

export interface Measure {
  name: string;
  lower: boolean;
  values: (number | null)[];
  /** Which jobs have the best value; none when there is nothing to choose from. */
  best: ReadonlySet<number>;
}

export function bestOf(values: readonly (number | null)[], lower: boolean): Set<number> {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (known.length < 2) return new Set();
  const best = lower ? Math.min(...known) : Math.max(...known);
  if (known.every((value) => value === best)) return new Set();
  return new Set(values.flatMap((value, at) => (value === best ? [at] : [])));
}

/** Metrics that most jobs have come first. */
export function measuresOf(jobs: readonly Metrics[]): Measure[] {
  const names = [...new Set(jobs.flatMap((metrics) => Object.keys(metrics)))];
  const having = (name: string) => jobs.filter((metrics) => metrics[name] != null).length;
  return names
    .sort((one, other) => having(other) - having(one) || one.localeCompare(other))
    .map((name) => {
      const values = jobs.map((metrics) => metrics[name] ?? null);
      const lower = lowerIsBetter(name);
      return { name, lower, values, best: bestOf(values, lower) };
    });
}

/** Metrics that have a course: more than one value; those that most jobs have come first. */
export function coursesOf(summaries: readonly (readonly unknown[])[]): string[] {
  const often = new Map<string, number>();
  for (const one of summaries.flat()) {
    if (typeof one !== "object" || one === null) continue;
    const { name, count } = one as { name?: unknown; count?: unknown };
    if (typeof name === "string" && typeof count === "number" && count > 1) {
      often.set(name, (often.get(name) ?? 0) + 1);
    }
  }
  const rank = (name: string) => often.get(name) ?? 0;
  return [...often.keys()].sort((one, other) => rank(other) - rank(one) || one.localeCompare(other));
}

export type Axis = "step" | "time";

export interface Point {
  step: number | null;
  value: number | null;
  at: string;
}

/** Of one job: its points, and when it started. */
export interface Course {
  points: readonly Point[];
  started: string | null;
}

/** One ascending axis for all, and for each course its values on it: null where it has none. */
export function aligned(
  courses: readonly Course[],
  axis: Axis,
): { x: number[]; values: (number | null)[][] } {
  const where = (point: Point, course: Course): number | null => {
    if (axis === "step") return point.step;
    const begin = course.started ?? course.points[0]?.at;
    return begin === undefined ? null : (Date.parse(point.at) - Date.parse(begin)) / 1000;
  };
  const placed = courses.map((course) => {
    const known = new Map<number, number>();
    for (const point of course.points) {
      const at = where(point, course);
      if (at !== null && Number.isFinite(at) && point.value !== null) known.set(at, point.value);
    }
    return known;
  });
  const x = [...new Set(placed.flatMap((known) => [...known.keys()]))].sort((one, other) => one - other);
  return { x, values: placed.map((known) => x.map((at) => known.get(at) ?? null)) };
}

/** The part of it that was chosen; the whole without a choice, or if nothing is in it. */
export function cut<T extends { x: number[]; values: (number | null)[][] }>(
  all: T,
  range: [number, number] | null,
): { x: number[]; values: (number | null)[][] } {
  if (range === null) return all;
  const from = all.x.findIndex((at) => at >= range[0]);
  const to = all.x.findLastIndex((at) => at <= range[1]) + 1;
  if (from < 0 || to - from < 2) return all;
  return { x: all.x.slice(from, to), values: all.values.map((line) => line.slice(from, to)) };
}
