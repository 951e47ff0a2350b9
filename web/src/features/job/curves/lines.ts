/** From what is kept of a metric to what is drawn of it.  Pure. */
import { firstNotBelow, type Points } from "./points";

export type Axis = "step" | "time";
export type Range = readonly [from: number, to: number];

/** Both ends of what is looked at, in places of the points; one more on each side, so that the line goes on. */
export function within(along: readonly number[], range: Range | null): [first: number, end: number] {
  if (range === null) return [0, along.length];
  const first = firstNotBelow(along, range[0]);
  const end = firstNotBelow(along, range[1]);
  return [Math.max(0, first - 1), Math.min(along.length, end + 1)];
}

/** Steps that a range of the axis covers, for asking the API. */
export function stepsOf(points: Points, axis: Axis, range: Range): [number, number] {
  if (axis === "step") return [Math.floor(range[0]), Math.ceil(range[1])];
  const [first, end] = within(points.times, [range[0] * 1000, range[1] * 1000]);
  return [points.steps[first] ?? 0, points.steps[end - 1] ?? 0];
}

/**
 * Exponential smoothing without the pull towards zero at the beginning.
 *
 * `weight`: 0 leaves the values as they are, near 1 is flat.  A place without a value stays without.
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return [...values];
  let [sum, count] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + (1 - weight) * value;
    count += 1;
    return sum / (1 - weight ** count);
  });
}

export interface Course {
  x: number[];
  values: (number | null)[];
}

/** A part of a metric's points along an axis; what a logarithm has no value for is left out. */
export function course(points: Points, axis: Axis, range: Range | null, logarithmic: boolean): Course {
  const along = axis === "step" ? points.steps : points.times;
  const scale = axis === "step" ? 1 : 1000;
  const [first, end] = within(along, range && [range[0] * scale, range[1] * scale]);
  const values = points.values.slice(first, end);
  return {
    x: scale === 1 ? along.slice(first, end) : along.slice(first, end).map((at) => at / scale),
    values: logarithmic ? values.map((value) => (value !== null && value > 0 ? value : null)) : values,
  };
}

/** Several courses over one ascending x, with null where one has no point. */
export function joined(courses: readonly Course[]): { x: number[]; values: (number | null)[][] } {
  if (courses.length === 1) return { x: courses[0]!.x, values: [courses[0]!.values] };
  const x = [...new Set(courses.flatMap((one) => one.x))].sort((a, b) => a - b);
  const place = new Map(x.map((value, at) => [value, at]));
  const values = courses.map((one) => {
    const row: (number | null)[] = new Array<null>(x.length).fill(null);
    one.x.forEach((at, index) => (row[place.get(at)!] = one.values[index]!));
    return row;
  });
  return { x, values };
}

/** Metrics by what stands before the first "/", else before the first "_" where several share it. */
export function grouped(names: readonly string[]): [group: string, names: string[]][] {
  const shared = new Map<string, number>();
  const before = (name: string) => name.split("_")[0]!;
  for (const name of names)
    if (!name.includes("/")) shared.set(before(name), (shared.get(before(name)) ?? 0) + 1);
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const slash = name.indexOf("/");
    const group = slash > 0 ? name.slice(0, slash) : shared.get(before(name))! > 1 ? before(name) : "";
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return [...groups].sort(([a], [b]) => (a === "" ? -1 : b === "" ? 1 : a.localeCompare(b)));
}
