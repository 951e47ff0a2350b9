/** What GET /jobs/{a}/diff/{b} says has changed: parts with their fields, of any shape. */
export interface Change {
  name: string;
  /** Not known of one of the two, as it never ran. */
  unknown: boolean;
  fields: { name: string; a: string; b: string }[];
}

const NONE = "–";

export function changesOf(changed: readonly Record<string, unknown>[]): Change[] {
  return changed.map((part) => ({
    name: String(part.part),
    unknown: Array.isArray(part.unknown),
    fields: (Array.isArray(part.fields) ? (part.fields as Record<string, unknown>[]) : []).map((field) => ({
      name: String(field.field),
      a: shown(field.a),
      b: shown(field.b),
    })),
  }));
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return NONE;
  return typeof value === "string" ? value : JSON.stringify(value);
}
