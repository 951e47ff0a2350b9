import type { Sorting } from "@/components";
import { between } from "@/lib/format";
import { type Trial, valueOf } from "./values";

type Key = number | string | null;

/** Columns are "number", "state", "duration", "value:0", "param:NAME". */
export function keyOf(trial: Trial, column: string): Key {
  if (column === "number") return trial.number;
  if (column === "state") return trial.state;
  if (column === "duration") return trial.finished_at && between(trial.created_at, trial.finished_at);
  if (column.startsWith("value:")) return valueOf(trial, Number(column.slice(6)));
  const value = trial.params[column.slice("param:".length)];
  if (value === undefined) return null;
  return typeof value === "number" || typeof value === "string" ? value : JSON.stringify(value);
}

function compare(one: Key, other: Key): number {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other));
}

/** Sorted; what has no value comes last, in either direction. */
export function sortTrials(trials: readonly Trial[], by: Sorting): Trial[] {
  const keyed = trials.map((trial) => ({ trial, key: keyOf(trial, by.by) }));
  keyed.sort((one, other) => {
    if (one.key === null || other.key === null) return Number(one.key === null) - Number(other.key === null);
    const order = compare(one.key, other.key) || one.trial.number - other.trial.number;
    return by.descending ? -order : order;
  });
  return keyed.map(({ trial }) => trial);
}
