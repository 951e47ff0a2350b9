/** Axes of parallel coordinates: where a value is, from 0 (bottom) to 1 (top), and back. */
import { type Objective, type Trial, valueOf } from "./values";

export interface Axis {
  id: string;
  label: string;
  low: number;
  high: number;
  log: boolean;
  whole: boolean;
  /** Of a choice, in order; a coordinate is then a number in this list. */
  categories: unknown[] | null;
  /** A trial's coordinate; null: it has none. */
  read: (trial: Trial) => number | null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function ends(value: unknown): [number, number] | null {
  if (!Array.isArray(value)) return null;
  const [low, high] = value as unknown[];
  return typeof low === "number" && typeof high === "number" ? [low, high] : null;
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function categoryAxis(name: string, categories: unknown[]): Axis {
  const places = new Map(categories.map((one, at) => [JSON.stringify(one), at]));
  return {
    id: `p:${name}`,
    label: name,
    low: 0,
    high: Math.max(categories.length - 1, 0),
    log: false,
    whole: true,
    categories,
    read: (trial) => places.get(JSON.stringify(trial.params[name])) ?? null,
  };
}

/** The axis of a hyperparameter, from what the study says of its range. */
export function parameterAxis(name: string, range: unknown): Axis | null {
  if (!isRecord(range)) return null;
  if (Array.isArray(range.choice)) return categoryAxis(name, range.choice as unknown[]);
  const [low, high] = ends(range.float) ?? ends(range.int) ?? [NaN, NaN];
  if (Number.isNaN(low)) return null;
  return {
    id: `p:${name}`,
    label: name,
    low,
    high,
    log: range.log === true && low > 0,
    whole: range.int !== undefined,
    categories: null,
    read: (trial) => finite(trial.params[name]),
  };
}

/** The axis of an objective, as wide as what has been reached; null when nothing has. */
export function objectiveAxis(objective: Objective, at: number, trials: readonly Trial[]): Axis | null {
  let [low, high] = [Infinity, -Infinity];
  for (const trial of trials) {
    const value = finite(valueOf(trial, at));
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return null;
  const read = (trial: Trial) => finite(valueOf(trial, at));
  const label = objective.metric;
  return { id: `o:${at}`, label, low, high, log: false, whole: false, categories: null, read };
}

export function axesOf(
  space: Record<string, unknown>,
  objectives: Objective[],
  trials: readonly Trial[],
): Axis[] {
  const parameters = Object.entries(space).map(([name, range]) => parameterAxis(name, range));
  const reached = objectives.map((one, at) => objectiveAxis(one, at, trials));
  return [...parameters, ...reached].filter((axis) => axis !== null);
}

/** 0 at the low end, 1 at the high one; the middle where both are the same. */
export function position(axis: Axis, coordinate: number): number {
  if (axis.high === axis.low) return 0.5;
  if (axis.log) return Math.log(coordinate / axis.low) / Math.log(axis.high / axis.low);
  return (coordinate - axis.low) / (axis.high - axis.low);
}

/** The other way round; beyond 0 and 1 it goes on beyond the ends. */
export function coordinateAt(axis: Axis, place: number): number {
  if (axis.log) return axis.low * (axis.high / axis.low) ** place;
  return axis.low + place * (axis.high - axis.low);
}

/** Coordinates to write beside the axis. */
export function ticksOf(axis: Axis): number[] {
  if (axis.high === axis.low) return [axis.low];
  if (axis.categories) return axis.categories.map((_, at) => at);
  if (axis.whole && axis.high - axis.low < 4) {
    return Array.from({ length: axis.high - axis.low + 1 }, (_, at) => axis.low + at);
  }
  return [0, 0.25, 0.5, 0.75, 1].map((place) => {
    const tick = coordinateAt(axis, place);
    return axis.whole ? Math.round(tick) : tick;
  });
}
