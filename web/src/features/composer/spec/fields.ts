/** The fields of a job that are plain values: where they stand, and what may stand there. */
import type { Path } from "./document";

export interface Field {
  path: Path;
  /** "number": with parts; "text": also sizes and durations, which the server reads. */
  kind: "integer" | "number" | "text" | "choice" | "note";
  /** What is so when it is left out; shown, never written. */
  usual?: string | number;
  options?: string[];
}

function field(path: string, kind: Field["kind"], usual?: string | number, options?: string[]): Field {
  return {
    path: path.split("."),
    kind,
    ...(usual === undefined ? {} : { usual }),
    ...(options ? { options } : {}),
  };
}

export const RESOURCES = [
  field("resources.workers", "integer", 1),
  field("resources.min_workers", "integer"),
  field("resources.cpus", "number", 1),
  field("resources.gpus", "integer", 0),
  field("resources.memory", "text"),
];

export const CHECKPOINT = [
  field("checkpoint.every_epochs", "integer", 1),
  field("checkpoint.every_steps", "integer"),
  field("checkpoint.every_minutes", "number"),
  field("checkpoint.keep_last", "integer", 2),
  field("checkpoint.keep_best", "integer", 1),
  field("checkpoint.metric", "text"),
  field("checkpoint.mode", "choice", undefined, ["min", "max"]),
  field("checkpoint.max_bytes", "text"),
];

export const MORE = [
  field("model_name", "text"),
  field("priority", "choice", "normal", ["high", "normal", "low"]),
  field("retries", "integer", 3),
  field("timeout", "text"),
  field("seed", "integer", 7),
];

export const SPLIT = [
  field("split.by", "choice", undefined, ["random", "stratified", "time", "group"]),
  field("split.column", "text"),
  field("split.test", "number", 0.2),
  field("split.validation", "number", 0),
  field("evaluation.folds", "integer"),
  field("evaluation.importance", "choice", "built_in", ["built_in", "permutation"]),
];

export const STUDY = [
  field("tune.trials", "integer", 20),
  field("tune.parallel", "integer", 4),
  field("tune.sampler", "choice", "tpe", ["tpe", "random", "grid", "cmaes", "gp", "nsga2", "pbt"]),
  field("tune.pruner", "choice", "none", ["none", "median", "asha", "hyperband"]),
  field("tune.timeout", "text"),
];

export const OWN_CODE = [field("entrypoint", "text"), field("code", "text"), field("python", "text")];

/** The key of a field's texts: dots would lead into nested ones. */
export function keyOf(path: Path): string {
  return path.join("_");
}
