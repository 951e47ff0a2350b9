/** What a person wrote in the form of a fork, as changes of the job file. */
import { isLoose, type Loose } from "./shape";

/** As it stands in a field: JSON, but text without its quotes where that is not taken for something else. */
export function written(value: unknown): string {
  return typeof value === "string" && read(value) === value ? value : JSON.stringify(value);
}

/** JSON where it is JSON, else the text itself. */
export function read(field: string): unknown {
  try {
    return JSON.parse(field);
  } catch {
    return field;
  }
}

export class NotAMapping extends Error {}

/** Only what is different, with the further fields that are written as JSON. */
export function changesOf(before: Loose, fields: Record<string, string>, further: string): Loose {
  const changed = Object.entries(fields).filter(([name, field]) => field !== written(before[name]));
  const other: unknown = further.trim() ? read(further) : {};
  if (!isLoose(other)) throw new NotAMapping(further);
  if (!changed.length) return other;
  const own = isLoose(other.hyperparameters) ? other.hyperparameters : {};
  const named = Object.fromEntries(changed.map(([name, field]) => [name, read(field)]));
  return { ...other, hyperparameters: { ...named, ...own } };
}
