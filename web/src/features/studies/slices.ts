import { type Axis, coordinateAt } from "./axes";
import { type Trial, valueOf } from "./values";

export interface Slice {
  x: number[];
  completed: (number | null)[];
  pruned: (number | null)[];
}

const SPREAD = 0.3;
/** Of the axis, left free at either end: dots there are seen whole. */
const MARGIN = 0.04;

/** Values over one hyperparameter, by x.  Trials of a choice stand side by side, by their numbers. */
export function sliceOf(trials: readonly Trial[], axis: Axis): Slice {
  const dots = trials
    .map((trial) => ({ trial, at: axis.read(trial), value: valueOf(trial) }))
    .filter((dot) => dot.at !== null && dot.value !== null)
    .map(({ trial, at, value }) => ({ state: trial.state, value, x: (at ?? 0) + shift(axis, trial.number) }))
    .sort((one, other) => one.x - other.x);
  return {
    x: dots.map((dot) => dot.x),
    completed: dots.map((dot) => (dot.state === "completed" ? dot.value : null)),
    pruned: dots.map((dot) => (dot.state === "pruned" ? dot.value : null)),
  };
}

/** Golden steps: any number of trials is spread evenly, and a trial never moves. */
function shift(axis: Axis, number: number): number {
  return axis.categories ? (((number * 0.618034) % 1) - 0.5) * 2 * SPREAD : 0;
}

export function rangeOf(axis: Axis): [number, number] {
  if (axis.categories) return [axis.low - 0.5, axis.high + 0.5];
  if (axis.low === axis.high) return [axis.low - 1, axis.high + 1];
  return [coordinateAt(axis, -MARGIN), coordinateAt(axis, 1 + MARGIN)];
}
