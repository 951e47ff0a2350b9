import { expect, test } from "vitest";
import { compareVersions, distance, sharedRange } from "./compare";
import type { Profile } from "./profile";
import type { Version } from "./queries";

type Given = Record<string, Partial<Version["columns"][number]> & { profile?: Profile }>;

function version(rows: number, columns: Given): Version {
  const named = Object.entries(columns).map(([name, { type = "number", missing = 0, unique = null }]) => ({
    name,
    type,
    missing,
    unique,
  }));
  const profile = Object.fromEntries(Object.entries(columns).map(([name, one]) => [name, one.profile ?? {}]));
  return { rows, columns: named, profile } as unknown as Version;
}

const low: Profile = { histogram: { edges: [0, 1, 2], counts: [10, 0] } };
const high: Profile = { histogram: { edges: [2, 3], counts: [30] } };

test("columns are told as added, removed, changed or the same, in that order", () => {
  const before = version(100, { gone: {}, typed: { type: "text" }, holes: {}, same: { profile: low } });
  const after = version(200, { same: { profile: low }, holes: { missing: 50 }, typed: {}, fresh: {} });
  expect(compareVersions(before, after).map(({ name, what }) => [name, what])).toEqual([
    ["fresh", "added"],
    ["gone", "removed"],
    ["holes", "changed"],
    ["typed", "changed"],
    ["same", "same"],
  ]);
});

test("what moved most comes first", () => {
  const half: Profile = { histogram: { edges: [0, 1, 3], counts: [5, 5] } };
  const before = version(10, { a: { profile: low }, b: { profile: low } });
  const after = version(10, { a: { profile: half }, b: { profile: high } });
  expect(compareVersions(before, after).map((one) => [one.name, one.moved])).toEqual([
    ["b", 1],
    ["a", 0.5],
  ]);
});

test("shares are compared, between other edges too, and the number of rows does not matter", () => {
  const coarse: Profile = { histogram: { edges: [0, 4], counts: [8] } };
  const fine: Profile = { histogram: { edges: [0, 1, 2, 3, 4], counts: [5, 5, 5, 5] } };
  expect(distance(coarse, fine)).toBeCloseTo(0);
  expect(distance(low, high)).toBe(1);
});

test("dates are numbers on an axis", () => {
  const year = (from: string, to: string): Profile => ({ histogram: { edges: [from, to], counts: [1] } });
  const [a, b] = [
    year("2024-01-01 00:00:00.000000", "2024-01-03 00:00:00.000000"),
    year("2024-01-02 00:00:00.000000", "2024-01-04 00:00:00.000000"),
  ];
  expect(distance(a, b)).toBeCloseTo(0.5);
  expect(sharedRange(a.histogram, b.histogram)).toEqual([Date.UTC(2024, 0, 1), Date.UTC(2024, 0, 4)]);
});

test("values are compared by name, and what is not known is not guessed", () => {
  const top = (of: Record<string, number>): Profile => ({
    top: Object.entries(of).map(([value, count]) => ({ value, count })),
  });
  expect(distance(top({ a: 1, b: 1 }), top({ b: 10, c: 10 }))).toBe(0.5);
  expect(distance(top({ a: 1 }), {})).toBeNull();
  expect(sharedRange(undefined, undefined)).toBeUndefined();
});
