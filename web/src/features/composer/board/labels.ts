/** Labels as lines of text: `team: vision`. */
import { isMapping } from "../spec/spec";

export function shownLabels(value: unknown): string {
  if (!isMapping(value)) return typeof value === "string" ? value : "";
  return Object.entries(value)
    .map(([name, one]) => `${name}: ${typeof one === "string" ? one : JSON.stringify(one)}`)
    .join("\n");
}

export function readLabels(text: string): Record<string, string> | undefined {
  const pairs = text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const colon = line.indexOf(":");
      return colon < 0 ? [line, ""] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    })
    .filter(([name]) => name);
  return pairs.length ? (Object.fromEntries(pairs) as Record<string, string>) : undefined;
}
