import { describe, expect, it } from "vitest";
import { type Page, type Pages, pagesWith, patched, rowsOf, trimmed, withFirst } from "./cache";
import type { Row } from "./row";

const row = (id: string, status: Row["status"] = "completed"): Row => ({
  id,
  name: id,
  status,
  progress: 0,
  kind: "train",
  algorithm: null,
  dataset: null,
  metric: null,
  workers: 1,
  priority: "normal",
  workspace: "default",
  created: "2026-11-22T00:00:00Z",
  started: null,
  finished: null,
  reason: null,
  stopping: false,
});
const page = (ids: string, next: string | null = null): Page => ({
  rows: [...ids].map((id) => row(id)),
  next,
});
const data = (...pages: Page[]): Pages => ({
  pages,
  pageParams: pages.map((_, at) => (at ? `c${at}` : null)),
});
const ids = (pages: Pages) =>
  rowsOf(pages)
    .map((one) => one.id)
    .join("");

describe("patched", () => {
  const pages = data(page("abc", "c1"), page("def"));

  it("changes the row, and leaves every other page the same object", () => {
    const found = patched(pages, new Map([["e", row("e", "failed")]]), []);
    expect(rowsOf(found).find((one) => one.id === "e")?.status).toBe("failed");
    expect(found.pages[0]).toBe(pages.pages[0]);
    expect(ids(found)).toBe("abcdef");
  });

  it("is the same object when the news are about others", () => {
    expect(patched(pages, new Map([["x", row("x")]]), [])).toBe(pages);
  });

  it("takes out what is gone, and what has another status than those that are shown", () => {
    const news = new Map([
      ["a", null],
      ["d", row("d", "running")],
    ]);
    expect(ids(patched(pages, news, []))).toBe("bcdef");
    expect(ids(patched(pages, news, ["completed"]))).toBe("bcef");
  });
});

describe("withFirst", () => {
  it("puts new jobs first and loses none between the pages", () => {
    const found = withFirst(data(page("abc", "c1"), page("def")), page("xab", "other"));
    expect(ids(found)).toBe("xabcdef");
    expect(found.pages[0]?.next).toBe("c1");
  });

  it("shows none twice", () => {
    expect(ids(withFirst(data(page("abc", "c1"), page("def")), page("axd")))).toBe("axbcdef");
  });

  it("goes on where the server says if nothing was there", () => {
    expect(withFirst(data(page("")), page("ab", "n")).pages).toEqual([page("ab", "n")]);
  });
});

it("pagesWith tells which pages hold them", () => {
  expect(pagesWith(data(page("abc"), page("def"), page("ghi")), new Set(["a", "i", "z"]))).toEqual([0, 2]);
});

it("trimmed keeps the first page", () => {
  const one = data(page("a"));
  expect(trimmed(one)).toBe(one);
  expect(trimmed(data(page("a", "c1"), page("b")))).toEqual({ pages: [page("a", "c1")], pageParams: [null] });
  expect(trimmed(undefined)).toBeUndefined();
});
