import { expect, test } from "vitest";
import { course, grouped, joined, smoothed, stepsOf, within } from "./lines";
import { Points } from "./points";

const points = () => {
  const made = new Points();
  [4, -1, 0, 8].forEach((value, at) => made.push(at * 10, at * 1000, value));
  return made;
};

test("smoothing begins at the first value, follows slowly, and leaves gaps", () => {
  const found = smoothed([10, null, 10, 20], 0.9);
  expect(found[0]).toBeCloseTo(10);
  expect(found[1]).toBeNull();
  expect(found[2]).toBeCloseTo(10);
  expect(found[3]).toBeGreaterThan(10);
  expect(found[3]).toBeLessThan(20);
  expect(smoothed([1, 5], 0)).toEqual([1, 5]);
});

test("a part of the points, with one more on each side", () => {
  expect(within([0, 10, 20, 30, 40], [15, 25])).toEqual([1, 4]);
  expect(within([0, 10], null)).toEqual([0, 2]);
});

test("along steps and along time", () => {
  expect(course(points(), "step", null, false).x).toEqual([0, 10, 20, 30]);
  expect(course(points(), "time", null, false).x).toEqual([0, 1, 2, 3]);
  expect(course(points(), "time", [1.9, 2.1], false).x).toEqual([1, 2, 3]);
});

test("a range of time is asked for by its steps", () => {
  expect(stepsOf(points(), "time", [0.9, 2.1])).toEqual([0, 30]);
  expect(stepsOf(points(), "step", [3.2, 8.1])).toEqual([3, 9]);
});

test("a logarithm has no value for zero and below", () => {
  expect(course(points(), "step", null, true).values).toEqual([4, null, null, 8]);
});

test("courses with other steps share one x", () => {
  const found = joined([
    { x: [1, 3], values: [10, 30] },
    { x: [2, 3], values: [20, 31] },
  ]);
  expect(found.x).toEqual([1, 2, 3]);
  expect(found.values).toEqual([
    [10, null, 30],
    [null, 20, 31],
  ]);
});

test("groups by what stands before a slash, or before an underscore that several share", () => {
  expect(
    grouped(["train/loss", "val/loss", "train/acc", "lr", "grad_norm", "grad_max", "rows_per_second"]),
  ).toEqual([
    ["", ["lr", "rows_per_second"]],
    ["grad", ["grad_norm", "grad_max"]],
    ["train", ["train/loss", "train/acc"]],
    ["val", ["val/loss"]],
  ]);
});
