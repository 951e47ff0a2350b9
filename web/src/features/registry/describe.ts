/** What stands in a model version, read with care: its signature and tags come from MLflow, where others write too. */
import type { Version } from "./queries";

export interface Field {
  name: string;
  type: string;
}

type Bag = Record<string, unknown>;

function isBag(value: unknown): value is Bag {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function fieldsOf(signature: Version["signature"], side: "inputs" | "outputs"): Field[] {
  const found = signature?.[side];
  if (!Array.isArray(found)) return [];
  return found.filter(isBag).map((one, at) => ({
    name: typeof one.name === "string" ? one.name : String(at + 1),
    type: typeOf(one),
  }));
}

function typeOf(field: Bag): string {
  const spec = field["tensor-spec"];
  if (!isBag(spec)) return typeof field.type === "string" ? field.type : JSON.stringify(field.type ?? "");
  const shape = Array.isArray(spec.shape) ? ` [${spec.shape.join(", ")}]` : "";
  return `${typeof spec.dtype === "string" ? spec.dtype : "?"}${shape}`;
}

/** "wine@3" of the job's dataset. */
export function datasetOf(version: Version): { name: string; version: number } | null {
  const [, name, number] = /^(.+)@(\d+)$/.exec(version.tags["tensorfleet.dataset"] ?? "") ?? [];
  return name === undefined ? null : { name, version: Number(number) };
}

/** Below which its files are downloaded; null: they lie where no download goes. */
export function prefixOf(version: Version): string | null {
  const source = version.source.replace(/\/+$/, "");
  const at = source.lastIndexOf("/models/");
  const prefix = version.tags["tensorfleet.prefix"] ?? (at < 0 ? "" : source.slice(at + 1));
  return prefix.startsWith("models/") && prefix.length > 7 ? prefix.slice(7) : null;
}

export interface Format {
  format: string;
  file: string | null;
  reason: string | null;
  rows: number | null;
  difference: number | null;
}

export function formatsOf(version: Version): Format[] {
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  const number = (value: unknown) => (typeof value === "number" ? value : null);
  return version.formats.map((one) => ({
    format: text(one.format) ?? "?",
    file: text(one.file),
    reason: text(one.reason),
    rows: number(one.rows),
    difference: number(one.max_difference),
  }));
}
