/** What the server found out about a column, read with care: the profile has no fixed shape. */
import { isMapping } from "../spec/spec";

export interface ColumnProfile {
  low?: number;
  high?: number;
  mean?: number;
  counts: number[];
  top: { value: string; count: number }[];
}

const MOST_BARS = 40;
const MOST_VALUES = 3;

function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function profileOf(profile: unknown, column: string): ColumnProfile {
  const found = isMapping(profile) && Object.hasOwn(profile, column) ? profile[column] : null;
  const about = isMapping(found) ? found : {};
  const histogram = isMapping(about.histogram) ? about.histogram.counts : null;
  const [low, high, mean] = [amount(about.min), amount(about.max), amount(about.mean)];
  return {
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
    ...(mean === undefined ? {} : { mean }),
    counts: Array.isArray(histogram) ? histogram.map((one) => amount(one) ?? 0).slice(0, MOST_BARS) : [],
    top: Array.isArray(about.top) ? about.top.filter(isMapping).slice(0, MOST_VALUES).map(topOf) : [],
  };
}

function topOf(one: Record<string, unknown>): { value: string; count: number } {
  const value = typeof one.value === "string" ? one.value : JSON.stringify(one.value ?? null);
  return { value: value.slice(0, 40), count: amount(one.count) ?? 0 };
}
