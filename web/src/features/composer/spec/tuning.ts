/** "Tune this": a hyperparameter becomes a range of the study's space, and the job a study. */
import type { Edit } from "./document";
import { at, isMapping, type Job, type Mapping, mappingAt } from "./spec";
import type { Parameter } from "./parameters";

export type Kind = "float" | "int" | "choice";
export interface Range {
  kind: Kind;
  low: number;
  high: number;
  log: boolean;
  step?: number;
  choices: unknown[];
}

export const METRICS = ["accuracy", "f1_macro", "roc_auc", "log_loss", "r2", "rmse", "mae", "loss"];
const SMALL_IS_GOOD = new Set(["loss", "log_loss", "rmse", "mae", "median_error", "max_error"]);

export function directionOf(metric: string): "maximize" | "minimize" {
  return SMALL_IS_GOOD.has(metric) ? "minimize" : "maximize";
}

export function isTuned(job: Job, name: string): boolean {
  return Object.hasOwn(mappingAt(job, ["tune", "space"]), name);
}

/** A range around what it is now, within what the algorithm takes. */
export function proposed(parameter: Parameter, now: unknown): Mapping {
  if (parameter.choices) return { choice: parameter.choices };
  const middle =
    typeof now === "number" ? now : typeof parameter.default === "number" ? parameter.default : null;
  const numeric = parameter.types.has("integer") || parameter.types.has("number");
  if (!numeric) return { choice: [now ?? parameter.default ?? null] };
  if (parameter.types.has("integer") && !parameter.types.has("number")) return around(parameter, middle);
  return spread(parameter, middle);
}

function around(parameter: Parameter, middle: number | null): Mapping {
  const floor = Math.ceil((parameter.low ?? 1) + (parameter.above ? 1 : 0));
  const ceiling = Math.floor((parameter.high ?? Infinity) - (parameter.below ? 1 : 0));
  const low = Math.max(floor, middle === null ? floor : Math.floor(middle / 2));
  return {
    int: [low, Math.max(low, Math.min(ceiling, middle === null ? low + 9 : Math.max(low + 1, middle * 2)))],
  };
}

function spread(parameter: Parameter, middle: number | null): Mapping {
  const [floor, ceiling] = [parameter.low ?? 0, parameter.high ?? Infinity];
  if (middle === null || middle <= 0) {
    const high = Math.min(ceiling, Math.max(floor + 1, 1));
    const low = Math.max(floor, 0);
    const inside = (high - low) / 100;
    return {
      float: [rounded(parameter.above ? low + inside : low), rounded(parameter.below ? high - inside : high)],
    };
  }
  const low = Math.max(middle / 10, floor);
  const high = Math.min(middle * 10, ceiling);
  const top = parameter.below && high === ceiling ? (middle + ceiling) / 2 : high;
  return { float: [rounded(low || middle / 10), rounded(top)], log: true };
}

function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

export function rangeOf(written: unknown): Range | null {
  if (!isMapping(written)) return null;
  if (Array.isArray(written.choice))
    return { kind: "choice", low: 0, high: 1, log: false, choices: written.choice };
  const kind = "int" in written ? "int" : "float";
  const ends = written[kind];
  if (!Array.isArray(ends) || typeof ends[0] !== "number" || typeof ends[1] !== "number") return null;
  const step = typeof written.step === "number" ? { step: written.step } : {};
  return { kind, low: ends[0], high: ends[1], log: written.log === true, choices: [], ...step };
}

export function written(range: Range): Mapping {
  if (range.kind === "choice") return { choice: range.choices };
  return {
    [range.kind]: [range.low, range.high],
    ...(range.log ? { log: true } : {}),
    ...(range.step === undefined ? {} : { step: range.step }),
  };
}

/** The edits that make a hyperparameter one that is searched for. */
export function tuned(job: Job, parameter: Parameter, metric: string): Edit[] {
  const now = at(job, ["hyperparameters", parameter.name]);
  const edits: Edit[] = [
    [["kind"], "tune"],
    [["hyperparameters", parameter.name], undefined],
    [["tune", "space", parameter.name], proposed(parameter, now)],
  ];
  if (at(job, ["tune", "objective"]) === undefined) {
    edits.push([["tune", "objective"], { metric, direction: directionOf(metric) }]);
  }
  return edits;
}

/** Takes the study out of the job. */
export const NO_STUDY: Edit[] = [
  [["tune"], undefined],
  [["kind"], undefined],
];

/** Back to a value; without any range left it is a study no more. */
export function untuned(job: Job, name: string): Edit[] {
  const space = Object.keys(mappingAt(job, ["tune", "space"]));
  if (space.some((one) => one !== name)) return [[["tune", "space", name], undefined]];
  return NO_STUDY;
}

/** Of the first objective; a study may have several. */
export function objectiveOf(job: Job): { metric: string; direction: string; several: boolean } {
  const found = at(job, ["tune", "objective"]);
  const first: unknown = Array.isArray(found) ? found[0] : found;
  const one = isMapping(first) ? first : {};
  return {
    metric: typeof one.metric === "string" ? one.metric : "",
    direction: typeof one.direction === "string" ? one.direction : "maximize",
    several: Array.isArray(found) && found.length > 1,
  };
}
