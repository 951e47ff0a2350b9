/** What a job file says, read without trusting it: it may hold anything while somebody types. */
import type { WrongField } from "@/lib/api";
import type { Path } from "./document";

export type Job = Record<string, unknown>;
export type Mapping = Record<string, unknown>;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function at(job: Job, path: Path): unknown {
  return path.reduce<unknown>(
    (found, key) => (isMapping(found) && Object.hasOwn(found, key) ? found[key] : undefined),
    job,
  );
}

export function textAt(job: Job, path: Path): string {
  const found = at(job, path);
  return typeof found === "string" || typeof found === "number" ? String(found) : "";
}

export function mappingAt(job: Job, path: Path): Mapping {
  const found = at(job, path);
  return isMapping(found) ? found : {};
}

export function workspaceOf(job: Job): string {
  return textAt(job, ["workspace"]) || "default";
}

/** "iris@2" is version 2 of iris; "iris" is its latest. */
export function datasetOf(job: Job): { name: string; version: string } | null {
  const [name, version] = (textAt(job, ["dataset"]) || textAt(job, ["dataset_path"])).split("@");
  if (!name || /[/\\:]/.test(name)) return null;
  return { name, version: version || "latest" };
}

export type Need = "name" | "program" | "dataset" | "code";

/** What nobody can leave out, before the server is asked. */
export function needs(job: Job): Need[] {
  const found: Need[] = [];
  if (!textAt(job, ["name"]) && !textAt(job, ["job_name"])) found.push("name");
  const [algorithm, entrypoint] = [textAt(job, ["algorithm"]), textAt(job, ["entrypoint"])];
  if (!algorithm && !entrypoint) found.push("program");
  if (!entrypoint && !textAt(job, ["dataset"]) && !textAt(job, ["dataset_path"])) {
    found.push("dataset");
  }
  // The folder is on somebody's disk: the command line packs and sends it.
  if (entrypoint && typeof at(job, ["code", "digest"]) !== "string") found.push("code");
  return found;
}

/** Whether an answer of the server says no more than that list does. */
export function isSaid(field: string, lacking: Need[]): boolean {
  if (field === "") return lacking.includes("program");
  return (field === "code" || field === "dataset" || field === "name") && lacking.includes(field);
}

/** The words about a field of the form: its own, or of something within it. */
export function wrongAt(fields: readonly WrongField[], path: Path): string | undefined {
  const name = path.join(".");
  const found = fields.filter((one) => one.field === name || one.field.startsWith(`${name}.`));
  return found.length ? found.map((one) => one.message).join("; ") : undefined;
}

const DEFAULTS: Mapping = {
  kind: "train",
  resources: { workers: 1, cpus: 1, gpus: 0, memory: 0 },
  priority: "normal",
  retries: 3,
  checkpoint: { every_epochs: 1, keep_last: 2, keep_best: 1 },
  hang: { action: "restart" },
  split: { test: 0.2, validation: 0 },
  evaluation: { importance: "built_in" },
  model: { example: true },
  tune: { trials: 20, parallel: 4, sampler: "tpe", pruner: "none" },
  seed: 7,
  workspace: "default",
};
/** Values that a person gave by name: null is one of them there. */
const GIVEN = new Set(["hyperparameters", "space", "labels", "secrets"]);

/** A past job's file, as somebody would write it: without what is so anyway. */
export function withoutDefaults(spec: Mapping, defaults: Mapping = DEFAULTS): Mapping {
  const kept: Mapping = {};
  for (const [key, value] of Object.entries(spec)) {
    const usual = defaults[key];
    let left = value;
    if (isMapping(value) && !GIVEN.has(key)) left = withoutDefaults(value, isMapping(usual) ? usual : {});
    if (left === null || left === usual || isEmpty(left)) continue;
    kept[key] = left;
  }
  return kept;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
