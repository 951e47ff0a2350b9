import { expect, test } from "vitest";
import { pinned, readLook } from "./settings";

test.each(["{", "null", "[]", '{"smoothing": 7, "axis": "moon", "pinned": "x"}', null])(
  "what is kept may be anything: %s",
  (kept) => expect(readLook(kept)).toEqual({ smoothing: 0, logarithmic: false, axis: "step", pinned: [] }),
);

test("pinning twice unpins", () => {
  expect(pinned(["a"], "b")).toEqual(["a", "b"]);
  expect(pinned(["a", "b"], "a")).toEqual(["b"]);
});
