/** A job file without what says nothing: fields that are empty or were left out. */
import { isLoose, type Loose } from "../shape";

function empty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isLoose(value) && Object.values(value).every(empty);
}

export function asWritten(spec: Loose): Loose {
  return Object.fromEntries(
    Object.entries(spec)
      .filter(
        ([name, value]) =>
          !empty(value) || (name === "hyperparameters" && isLoose(value) && Object.keys(value).length > 0),
      )
      // What is in hyperparameters means something also when it is null.
      .map(([name, value]) => [
        name,
        name !== "hyperparameters" && isLoose(value) ? asWritten(value) : value,
      ]),
  );
}
