import { type Objective, type Trial, valueOf } from "./values";

export interface Step {
  number: number;
  state: Trial["state"];
  value: number;
  /** The best of all completed trials up to this one; null before the first. */
  best: number | null;
}

export function isBetter(value: number, than: number | null, direction: Objective["direction"]): boolean {
  return than === null || (direction === "maximize" ? value > than : value < than);
}

/** Trials with a value in the order of their ends.  Pruned ones are told, but are never the best. */
export function bestSoFar(
  trials: readonly Trial[],
  direction: Objective["direction"],
  objective = 0,
): Step[] {
  const ended = trials
    .filter((one) => one.finished_at !== null && (one.state === "completed" || one.state === "pruned"))
    .sort((one, other) => {
      const [a, b] = [one.finished_at ?? "", other.finished_at ?? ""];
      return a === b ? one.number - other.number : a < b ? -1 : 1;
    });
  let best: number | null = null;
  const steps: Step[] = [];
  for (const { number, state, ...rest } of ended) {
    const value = valueOf({ number, state, ...rest }, objective);
    if (value === null || !Number.isFinite(value)) continue;
    if (state === "completed" && isBetter(value, best, direction)) best = value;
    steps.push({ number, state, value, best });
  }
  return steps;
}
