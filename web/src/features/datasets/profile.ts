/** What was learned of a column when its file was read, as `profile` of a version has it. */
import type { Binned } from "@/components/charts/bins";
import type { Version } from "./queries";

export interface Profile {
  min?: number | string | null;
  max?: number | string | null;
  mean?: number | null;
  std?: number | null;
  quantiles?: Record<string, number | null>;
  histogram?: Binned;
  top?: { value: string | number | boolean; count: number }[];
}

export type Column = Version["columns"][number];

/** Empty for columns of which nothing more is known: bytes, long texts, those after the first thousand. */
export function profileOf(version: Version, name: string): Profile {
  return Object.hasOwn(version.profile, name) ? (version.profile[name] as Profile) : {};
}

/** Whether values, each for itself, tell more than their range does: few of them, or no numbers. */
export function byValue(column: Column, profile: Profile): boolean {
  if (!profile.top?.length) return false;
  return !profile.histogram || (column.unique !== null && column.unique <= 10);
}

export function topOf(profile: Profile): { label: string; value: number }[] {
  return (profile.top ?? []).map((one) => ({ label: String(one.value), value: one.count }));
}
