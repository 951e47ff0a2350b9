/** What follows in the job file when another dataset or algorithm is taken. */
import type { Algorithm } from "../queries";
import type { Edit } from "../spec/document";
import { at, datasetOf, isMapping, type Job, mappingAt } from "../spec/spec";
import { NO_STUDY } from "../spec/tuning";

export function takeDataset(job: Job, name: string): Edit[] {
  const edits: Edit[] = [
    [["dataset"], name],
    [["dataset_path"], undefined],
  ];
  // A column of another table.
  if (datasetOf(job)?.name !== name.split("@")[0]) edits.push([["target_column"], undefined]);
  return edits;
}

/** Hyperparameters that both algorithms have stay. */
export function takeAlgorithm(job: Job, algorithm: Algorithm): Edit[] {
  const properties = isMapping(algorithm.schema.properties) ? algorithm.schema.properties : {};
  const foreign = (name: string) => !Object.hasOwn(properties, name);
  const space = Object.keys(mappingAt(job, ["tune", "space"]));
  const edits: Edit[] = ["entrypoint", "code", "args", "requirements", "lock", "python"].map((name) => [
    [name],
    undefined,
  ]);
  edits.push([["algorithm"], algorithm.name]);
  for (const name of Object.keys(mappingAt(job, ["hyperparameters"])).filter(foreign)) {
    edits.push([["hyperparameters", name], undefined]);
  }
  if (space.length > 0 && space.every(foreign)) return [...edits, ...NO_STUDY];
  return [...edits, ...space.filter(foreign).map((name): Edit => [["tune", "space", name], undefined])];
}

export function takeOwnCode(job: Job): Edit[] {
  const edits: Edit[] = [
    [["algorithm"], undefined],
    [["entrypoint"], "train.py"],
  ];
  if (at(job, ["code"]) === undefined) edits.push([["code"], "./src"]);
  return edits;
}
