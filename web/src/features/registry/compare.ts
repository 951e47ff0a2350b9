/** Several versions of a model side by side; pure. */
import { fieldsOf } from "./describe";
import type { Version } from "./queries";

export interface Line<T> {
  name: string;
  /** One of each version, in their order. */
  values: (T | null)[];
}

/** Metrics with how far each version is from the first. */
export function metricLines(versions: Version[]): (Line<number> & { steps: (number | null)[] })[] {
  return lines(versions.map((one) => one.metrics)).map(({ name, values }) => {
    const first = values[0] ?? null;
    const steps = values.map((value, at) =>
      at === 0 || value === null || first === null ? null : value - first,
    );
    return { name, values, steps };
  });
}

/** Names of any of them, in the order in which they first appear. */
export function lines<T>(bags: Record<string, T | null | undefined>[]): Line<T>[] {
  const names = [...new Set(bags.flatMap((bag) => Object.keys(bag)))];
  return names.map((name) => ({
    name,
    values: bags.map((bag) => (Object.hasOwn(bag, name) ? (bag[name] ?? null) : null)),
  }));
}

/** Inputs and outputs whose type is not the same in all versions, or that some lack. */
export function signatureChanges(versions: Version[]): Line<string>[] {
  const sides = (["inputs", "outputs"] as const).flatMap((side) =>
    lines(
      versions.map((one) =>
        Object.fromEntries(
          fieldsOf(one.signature, side).map((field) => [`${side}: ${field.name}`, field.type]),
        ),
      ),
    ),
  );
  return sides.filter(({ values }) => new Set(values).size > 1);
}

export function differs(values: readonly unknown[]): boolean {
  return new Set(values.map((value) => JSON.stringify(value))).size > 1;
}
