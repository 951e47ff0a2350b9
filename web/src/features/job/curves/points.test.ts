import { expect, test } from "vitest";
import { extremes, firstNotBelow, MOST_POINTS, Points } from "./points";

const filled = (count: number, value = (at: number) => at) => {
  const points = new Points();
  for (let at = 0; at < count; at++) points.push(at, at, value(at));
  return points;
};

test("is bounded, however many points come, and keeps both ends and a single spike", () => {
  const points = filled(100_000, (at) => (at === 777 ? 1e6 : at === 50_001 ? -1e6 : Math.sin(at)));
  expect(points.length).toBeLessThanOrEqual(MOST_POINTS);
  expect(points.length).toBeGreaterThan(MOST_POINTS / 3);
  expect(points.values).toContain(1e6);
  expect(points.values).toContain(-1e6);
  expect(points.steps[0]).toBe(0);
  expect(points.steps.at(-1)).toBe(99_999);
  expect([...points.steps].sort((a, b) => a - b)).toEqual(points.steps);
  expect(new Set(points.steps).size).toBe(points.steps.length);
});

test("an attempt that repeats steps replaces what the one before said of them", () => {
  const points = filled(10);
  points.push(5, 100, 55);
  expect(points.steps).toEqual([0, 1, 2, 3, 4, 5]);
  expect(points.values.at(-1)).toBe(55);
});

test("what is told twice counts once", () => {
  const points = filled(10);
  expect(points.push(3, 3, 3)).toBe(false);
  expect(points.length).toBe(10);
});

test("points without a step count on", () => {
  const points = new Points();
  points.push(null, 1, 5);
  points.push(null, 2, 6);
  expect(points.steps).toEqual([0, 1]);
});

test("an answer of the API keeps what the stream has told since", () => {
  const points = new Points();
  const at = (ms: number) => new Date(ms).toISOString();
  points.push(8, 8000, 0.8);
  points.push(9, 9000, 0.9);
  points.load([
    { step: 1, at: at(1000), value: 0.1 },
    { step: 8, at: at(8000), value: 0.8 },
  ]);
  expect(points.steps).toEqual([1, 8, 9]);
});

test("gaps stay gaps", () => {
  const values = Array.from({ length: 1000 }, (_, at) => (at >= 400 && at < 600 ? null : at));
  const kept = extremes(values, 100);
  expect(kept.some((at) => values[at] === null)).toBe(true);
  expect(kept.length).toBeLessThanOrEqual(103);
});

test.each([
  [0, 0],
  [2, 1],
  [3, 1],
  [9, 3],
])("the first that is not below %s stands at %s", (bound, place) =>
  expect(firstNotBelow([1, 3, 5], bound)).toBe(place),
);
