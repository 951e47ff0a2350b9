import { expect, test } from "vitest";
import type { Caller } from "@/lib/session";
import { exportAddress, filterOf, withFilter } from "./auditFilter";
import { changesOf } from "./changes";
import { chosenMonth, monthOf, moved, spanOf } from "./months";
import { bodyOf, fullness, valuesOf } from "./quota";
import { namesWithDefault } from "./queries";
import { sectionsOf } from "./sections";
import { linesOf } from "./settingLines";
import { sharesOf } from "./waste";

const NOW = new Date("2026-01-15T10:00:00Z");

test("months follow one another over the year's end, by UTC", () => {
  expect(monthOf(new Date("2026-02-01T00:30:00+02:00"))).toBe("2026-01");
  expect(moved("2026-01", -1)).toBe("2025-12");
  expect(spanOf("2025-12")).toEqual({ from: "2025-12-01T00:00:00Z", to: "2026-01-01T00:00:00Z" });
});

test("a month that is none, or to come, is this one", () => {
  expect(chosenMonth("2025-11", NOW)).toBe("2025-11");
  for (const wrong of [null, "2026-02", "2025-13", "<b>"]) expect(chosenMonth(wrong, NOW)).toBe("2026-01");
});

test("the audit log's filter is in the address", () => {
  const search = withFilter(new URLSearchParams("tab=x"), "actor", "anna");
  expect(search.toString()).toBe("tab=x&actor=anna");
  expect(filterOf(search)).toEqual({ actor: "anna" });
  expect(filterOf(new URLSearchParams("from=2026-01-01T00:00:00Z&to=never&action=+"))).toEqual({
    from: "2026-01-01T00:00:00.000Z",
    to: "never",
  });
  expect(withFilter(search, "actor", "").toString()).toBe("tab=x");
  expect(exportAddress({}, {})).toBe("/api/v1/audit/export");
  expect(exportAddress({ actor: "a&b" }, { workspace: "w x" })).toBe(
    "/api/v1/audit/export?actor=a%26b&workspace=w+x",
  );
});

test("changes are told line by line", () => {
  expect(changesOf({ role: null, a: { b: 1 } }, { role: "admin", a: { b: 1 }, c: [1] })).toEqual([
    { name: "a.b", before: "1", after: "1", kind: "same" },
    { name: "c", before: null, after: "[1]", kind: "added" },
    { name: "role", before: "–", after: "admin", kind: "changed" },
  ]);
  expect(changesOf({ x: "y" }, null)).toEqual([{ name: "x", before: "y", after: null, kind: "removed" }]);
  expect(changesOf(null, null)).toEqual([]);
});

test("a quota that is left empty does not limit", () => {
  const limits = {
    slots: 4, cpus: null, gpus: null, memory_bytes: null, queued_jobs: null, jobs_per_day: null, dataset_bytes: 5, weight: 2,
  }; // prettier-ignore
  const values = valuesOf(limits);
  expect(bodyOf(values)).toEqual(limits);
  expect(bodyOf({ ...values, slots: "", dataset_bytes: "500GB", weight: "" })).toEqual({
    ...limits,
    slots: null,
    dataset_bytes: "500GB",
    weight: 1,
  });
  expect([fullness(1, null), fullness(1, 4), fullness(9, 4), fullness(0, 0), fullness(1, 0)]).toEqual([
    null,
    0.25,
    1,
    0,
    1,
  ]);
});

test("shares add up, or are nothing", () => {
  expect(sharesOf({ useful: 3, idle: 1, total: 4 })).toMatchObject({ useful: 0.75, idle: 0.25, lost: 0 });
  expect(sharesOf({})).toMatchObject({ useful: 0, running: 0 });
});

test("everybody sees the sections that are theirs", () => {
  const caller = (everywhere: Caller["everywhere"], workspaces: Caller["workspaces"] = {}): Caller => ({
    user_id: "u", username: "u", via: "session", everywhere, workspaces,
  }); // prettier-ignore
  expect(sectionsOf(caller([]))).toEqual([]);
  expect(sectionsOf(caller(["ledger:read"])).map(({ name }) => name)).toEqual(["ledger", "sla"]);
  expect(sectionsOf(caller([], { vision: ["workspace:admin"] })).map(({ name }) => name)).toEqual([
    "workspaces",
    "webhooks",
  ]);
});

test("the workspace that is always there comes first, once", () => {
  expect(namesWithDefault([{ name: "a" }, { name: "default" }])).toEqual(["default", "a"]);
});

test("settings are names and values", () => {
  expect(linesOf({ a: { b: 1.5, c: [] }, d: null, e: true, f: ["x", 1], g: [{ h: 1 }], i: "" })).toEqual([
    ["a.b", "1.5"],
    ["a.c", "–"],
    ["d", "null"],
    ["e", "true"],
    ["f", "x, 1"],
    ["g", '[{"h":1}]'],
    ["i", "–"],
  ]);
  expect(linesOf({ lease_s: 90, log_limit_bytes: 1024 })).toEqual([
    ["lease_s", "1 min 30 s"],
    ["log_limit_bytes", "1 KiB"],
  ]);
});
