import { expect, test } from "vitest";
import { bestSoFar } from "./history";
import { trial } from "./testing";

const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, "0")}.000000Z`;

test("the best so far, in the order of the ends and not of the numbers", () => {
  const trials = [
    trial(0, { value: 0.5, finished_at: at(30) }),
    trial(1, { value: 0.9, finished_at: at(10) }),
    trial(2, { value: 0.7, finished_at: at(20) }),
  ];
  expect(bestSoFar(trials, "maximize").map((one) => [one.number, one.best])).toEqual([
    [1, 0.9],
    [2, 0.9],
    [0, 0.9],
  ]);
  expect(bestSoFar(trials, "minimize").map((one) => one.best)).toEqual([0.9, 0.7, 0.5]);
});

test("what was pruned is told but is never the best; what failed or runs is not told", () => {
  const trials = [
    trial(0, { value: 0.99, state: "pruned" }),
    trial(1, { value: 0.6 }),
    trial(2, { state: "failed" }),
    trial(3, { state: "running", finished_at: null, value: 1 }),
  ];
  expect(bestSoFar(trials, "maximize")).toEqual([
    { number: 0, state: "pruned", value: 0.99, best: null },
    { number: 1, state: "completed", value: 0.6, best: 0.6 },
  ]);
});

test("of the second objective", () => {
  const trials = [trial(0, { values: [1, 5] }), trial(1, { values: [2, 3] })];
  expect(bestSoFar(trials, "minimize", 1).map((one) => one.best)).toEqual([5, 3]);
});
