/** Job files side by side. */
export type Flat = Map<string, string>;

const DEEPEST = 8;

/** Every value by its path: {"resources": {"workers": 2}} is "resources.workers" = "2".  What is empty is left out. */
export function flattened(value: unknown, path = "", into: Flat = new Map(), depth = 0): Flat {
  if (value === null || value === undefined || value === "") return into;
  if (typeof value !== "object" || depth >= DEEPEST) {
    into.set(path, typeof value === "string" ? value : JSON.stringify(value));
  } else if (Array.isArray(value)) {
    if (value.length > 0) into.set(path, JSON.stringify(value));
  } else {
    for (const [name, part] of Object.entries(value)) {
      flattened(part, path ? `${path}.${name}` : name, into, depth + 1);
    }
  }
  return into;
}

export interface Parameter {
  name: string;
  /** One for each job, in their order; null: not given. */
  values: (string | null)[];
  differs: boolean;
}

export function parametersOf(specs: readonly unknown[]): Parameter[] {
  const flat = specs.map((spec) => flattened(spec));
  const names = [...new Set(flat.flatMap((one) => [...one.keys()]))].sort();
  return names.map((name) => {
    const values = flat.map((one) => one.get(name) ?? null);
    return { name, values, differs: new Set(values).size > 1 };
  });
}
