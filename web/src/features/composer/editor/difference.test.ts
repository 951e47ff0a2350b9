import { expect, it } from "vitest";
import { difference } from "./difference";

it.each([
  ["", "abc"],
  ["workers: 1\ncpus: 2\n", "workers: 12\ncpus: 2\n"],
  ["aaa", "aa"],
  ["aa", "aaaa"],
  ["x: 1\n", ""],
  ["abc", "xyz"],
])("turns %j into %j", (before, after) => {
  const found = difference(before, after);
  expect(found && before.slice(0, found.from) + found.insert + before.slice(found.to)).toBe(after);
});

it("is nothing between equals, and as small as can be", () => {
  expect(difference("same", "same")).toBeNull();
  expect(difference("workers: 1\n", "workers: 2\n")).toEqual({ from: 9, to: 10, insert: "2" });
});
