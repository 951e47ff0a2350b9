import { describe, expect, it } from "vitest";
import { asked, narrowed } from "./asked";
import {
  type Filters,
  NO_FILTERS,
  readFilters,
  sameJobs,
  sinceInstant,
  sortingOf,
  sortOf,
  totalOf,
  writeFilters,
} from "./filters";

const FULL: Filters = { q: "a b&c", status: ["running", "failed"], kind: "tune", since: "7d", sort: "name" };
const NOW = new Date("2026-11-22T12:30:00Z");

describe("filters in the address", () => {
  it("come back as they were", () => {
    expect(readFilters(new URLSearchParams(writeFilters(FULL).toString()))).toEqual(FULL);
    expect(writeFilters(NO_FILTERS).toString()).toBe("");
    expect(readFilters(new URLSearchParams())).toEqual(NO_FILTERS);
  });

  it("are left out where they mean nothing", () => {
    const address =
      "status=gone&status=paused&kind=__proto__&since=toString&sort=--name&q=" + "x".repeat(500);
    const found = readFilters(new URLSearchParams(address));
    expect(found).toEqual({ ...NO_FILTERS, status: ["paused"], q: "x".repeat(100) });
  });

  it("know no order that the server does not know", () => {
    for (const sort of ["na-me", "", "-", "created"]) {
      expect(readFilters(new URLSearchParams({ sort })).sort).toBe("-created_at");
    }
  });

  it("show the same jobs in any order", () => {
    expect(sameJobs(FULL, { ...FULL, sort: "-priority" })).toBe(true);
    expect(sameJobs(FULL, { ...FULL, q: "" })).toBe(false);
  });
});

describe("what is asked for", () => {
  it("has the filters as the server takes them", () => {
    expect(asked(FULL, NOW)).toEqual({
      sort: "name",
      q: "a b&c",
      status: ["running", "failed"],
      kind: "tune",
      since: "2026-11-15T12:30:00.000Z",
    });
    expect(narrowed(NO_FILTERS, NOW)).toEqual({});
  });

  it("begins at midnight for today", () => {
    const begin = new Date(sinceInstant("today", NOW));
    expect([begin.getHours(), begin.getMinutes(), begin.getDate()]).toEqual([0, 0, NOW.getDate()]);
  });
});

describe("the order", () => {
  it.each(["created_at", "-created_at", "-name", "status", "-priority"] as const)("%s", (sort) => {
    expect(sortOf(sortingOf(sort))).toBe(sort);
  });
});

it("the total is that of the chosen statuses, or of all", () => {
  const counts = { queued: 1, running: 2, failed: 4 };
  expect(totalOf(counts, [])).toBe(7);
  expect(totalOf(counts, ["running", "failed"])).toBe(6);
});
