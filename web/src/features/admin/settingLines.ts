import { bytes, duration } from "@/lib/format";
import { language } from "@/lib/i18n/language";

const DEEPEST = 5;

/** Settings as names and values: {"a": {"b": 1.5}} is [["a.b", "1.5"]]. */
export function linesOf(value: unknown, name = "", depth = 0): [string, string][] {
  if (value !== null && typeof value === "object" && !Array.isArray(value) && depth < DEEPEST) {
    return Object.entries(value).flatMap(([key, inner]) =>
      linesOf(inner, name ? `${name}.${key}` : key, depth + 1),
    );
  }
  if (Array.isArray(value)) {
    if (value.length === 0) return [[name, "–"]];
    const plain = value.every((one) => typeof one !== "object" || one === null);
    return [[name, plain ? value.map(String).join(", ") : JSON.stringify(value)]];
  }
  if (typeof value === "number" && name.endsWith("_bytes")) return [[name, bytes(value)]];
  if (typeof value === "number" && name.endsWith("_s")) return [[name, duration(value)]];
  if (typeof value === "number") {
    return [[name, new Intl.NumberFormat(language(), { maximumFractionDigits: 6 }).format(value)]];
  }
  if (value === undefined) return [];
  return [[name, typeof value === "string" ? value || "–" : JSON.stringify(value)]];
}
