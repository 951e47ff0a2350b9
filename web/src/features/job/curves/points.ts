/** The course of one metric of one rank, as it is kept while it grows: bounded, with its extremes. */

export const MOST_POINTS = 2_000;

export interface ApiPoint {
  step: number | null;
  value: number | null;
  at: string;
}

export class Points {
  /** Steps, ascending; a point without one counts on from the one before. */
  steps: number[] = [];
  /** Milliseconds since 1970. */
  times: number[] = [];
  values: (number | null)[] = [];

  get length(): number {
    return this.steps.length;
  }

  /** False if it was known already: a stream that goes on after a break may tell a little twice. */
  push(step: number | null, at: number, value: number | null): boolean {
    const { steps, times, values } = this;
    const end = steps.length;
    if (end > 0 && at < times[end - 1]!) return false;
    const last = end > 0 ? steps[end - 1]! : -1;
    const where = step ?? last + 1;
    // A later attempt repeats steps: what it says of them counts.
    if (where <= last) this.cut(firstNotBelow(steps, where));
    steps.push(where);
    times.push(at);
    values.push(value);
    if (steps.length > MOST_POINTS) this.thin(MOST_POINTS / 2);
    return true;
  }

  /** What the API answers, with what has been told since. */
  load(found: readonly ApiPoint[]): void {
    const { steps, times, values } = this;
    this.steps = [];
    this.times = [];
    this.values = [];
    for (const point of found) {
      this.steps.push(point.step ?? (this.steps.at(-1) ?? -1) + 1);
      this.times.push(Date.parse(point.at));
      this.values.push(point.value);
    }
    const until = this.times.at(-1) ?? -Infinity;
    for (let at = 0; at < steps.length; at++)
      if (times[at]! > until) this.push(steps[at]!, times[at]!, values[at]!);
    if (this.length > MOST_POINTS) this.thin(MOST_POINTS / 2);
  }

  private cut(length: number): void {
    this.steps.length = this.times.length = this.values.length = length;
  }

  /** Keeps the smallest and the largest of each stretch, the first point and the last. */
  private thin(most: number): void {
    const kept = extremes(this.values, most);
    this.steps = kept.map((at) => this.steps[at]!);
    this.times = kept.map((at) => this.times[at]!);
    this.values = kept.map((at) => this.values[at]!);
  }
}

/** Places of at most about `most` values: of each stretch the least and the greatest, and both ends. */
export function extremes(values: readonly (number | null)[], most: number): number[] {
  const count = values.length;
  if (count <= most) return values.map((_, at) => at);
  const stretch = (2 * count) / most;
  const kept = [0];
  for (let from = 0; from < count; from += stretch) {
    const [first, end] = [Math.floor(from), Math.min(Math.floor(from + stretch), count)];
    let [low, high] = [-1, -1];
    for (let at = first; at < end; at++) {
      const value = values[at];
      if (value == null) continue;
      if (low < 0 || value < values[low]!) low = at;
      if (high < 0 || value > values[high]!) high = at;
    }
    // A stretch without any value is a gap, and is to be seen as one.
    if (low < 0) low = high = first;
    for (const at of [Math.min(low, high), Math.max(low, high)]) if (at > kept.at(-1)!) kept.push(at);
  }
  if (kept.at(-1) !== count - 1) kept.push(count - 1);
  return kept;
}

/** Where the first of ascending numbers stands that is not below `bound`. */
export function firstNotBelow(ascending: readonly number[], bound: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
