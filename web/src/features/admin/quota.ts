import type { Schemas } from "@/lib/api";
import { textOf, type Values } from "@/components";

export const LIMITS = [
  "slots",
  "cpus",
  "gpus",
  "memory_bytes",
  "queued_jobs",
  "jobs_per_day",
  "dataset_bytes",
] as const;
export type Limit = (typeof LIMITS)[number];

export function isBytes(limit: Limit): boolean {
  return limit.endsWith("_bytes");
}

/** How full it is, for a bar; null without a limit. */
export function fullness(used: number, limit: number | null): number | null {
  if (limit === null) return null;
  return limit > 0 ? Math.min(used / limit, 1) : used > 0 ? 1 : 0;
}

export function valuesOf(limits: Schemas["LimitsRead"]): Values {
  const text = (value: number | null) => (value === null ? "" : String(value));
  return Object.fromEntries([...LIMITS, "weight" as const].map((name) => [name, text(limits[name])]));
}

/** What is empty is not limited; "500GB" goes to the server as it is. */
export function bodyOf(values: Values): Schemas["QuotaBody"] {
  const read = (name: Limit) => {
    const text = textOf(values, name);
    if (text === "") return null;
    return isBytes(name) && Number.isNaN(Number(text)) ? text : Number(text);
  };
  const limits = Object.fromEntries(LIMITS.map((name) => [name, read(name)]));
  return { ...limits, weight: Number(textOf(values, "weight") || "1") };
}
