/** What an entry of the audit log changed, line by line. */
export interface Change {
  name: string;
  before: string | null;
  after: string | null;
  kind: "added" | "removed" | "changed" | "same";
}

const DEEPEST = 6;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** {"a": {"b": 1}} is [["a.b", "1"]]. */
function flat(value: unknown, name = "", depth = 0): [string, string][] {
  if (isRecord(value) && depth < DEEPEST && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, inner]) =>
      flat(inner, name ? `${name}.${key}` : key, depth + 1),
    );
  }
  if (value === null || value === undefined) return name ? [[name, "–"]] : [];
  return [[name, typeof value === "string" ? value : JSON.stringify(value)]];
}

export function changesOf(before: unknown, after: unknown): Change[] {
  const [old, now] = [new Map(flat(before)), new Map(flat(after))];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names.map((name) => {
    const [was, is] = [old.get(name) ?? null, now.get(name) ?? null];
    const kind = was === null ? "added" : is === null ? "removed" : was === is ? "same" : "changed";
    return { name, before: was, after: is, kind };
  });
}
