import { expect, test } from "vitest";
import { together, watched } from "./courses";
import { groupReasons, patternOf } from "./failures";
import { copiedFrom, generationsOf, type Part } from "./lineage";
import { parameterAxis } from "./axes";
import { patience } from "./queries";
import { rangeOf, sliceOf } from "./slices";
import { sortTrials } from "./sorting";
import { trial } from "./testing";

const failed = (number: number, reason: string | null) => trial(number, { state: "failed", reason });

test("reasons that differ in numbers and ids alone are one", () => {
  const groups = groupReasons([
    failed(0, "ValueError: loss is NaN at step 12"),
    failed(1, "MemoryError: rank 0 of j-1m80ht2rd9ga6t9r needed 3.5 GiB"),
    failed(2, "ValueError: loss is NaN at step 7"),
    trial(3, { reason: "ValueError: loss is NaN at step 9" }),
    failed(4, null),
  ]);
  expect(groups.map((one) => one.trials.map((found) => found.number))).toEqual([[0, 2], [1], [4]]);
  expect(groups[0]?.example).toContain("step 12");
});

test("words are kept", () => {
  expect(patternOf("a  b\n1e-5")).toBe("a b #");
  expect(patternOf("no kernel 'x'")).not.toBe(patternOf("no kernel 'y'"));
});

test("sorting: by value, with those that have none last in either direction", () => {
  const trials = [trial(0, { value: 2 }), trial(1), trial(2, { value: 10 })];
  const numbers = (descending: boolean) =>
    sortTrials(trials, { by: "value:0", descending }).map((one) => one.number);
  expect(numbers(false)).toEqual([0, 2, 1]);
  expect(numbers(true)).toEqual([2, 0, 1]);
});

test("sorting by a parameter: numbers as numbers", () => {
  const trials = [9, 100, 20].map((C, at) => trial(at, { params: { C } }));
  expect(sortTrials(trials, { by: "param:C", descending: false }).map((one) => one.params.C)).toEqual([
    9, 20, 100,
  ]);
});

test("twenty courses: those that run first, then the best, then the pruned", () => {
  const trials = Array.from({ length: 50 }, (_, at) =>
    trial(at, { state: at === 3 ? "running" : at === 4 ? "pruned" : at === 5 ? "failed" : "completed" }),
  );
  const numbers = watched(trials, [trials[1]!]).map((one) => one.number);
  expect(numbers).toHaveLength(20);
  expect(numbers).toEqual(expect.arrayContaining([1, 3, 4, 49]));
  expect(numbers).not.toContain(5);
});

test("courses over all steps that there are", () => {
  const course = (job: string, points: [number, number][]) => ({
    job_id: job,
    name: "accuracy",
    rank: 0,
    points: points.map(([step, value]) => ({ step, value, at: "2026-01-01T00:00:00Z" })),
  });
  const { x, values } = together([
    course("a", [
      [1, 0.1],
      [3, 0.3],
    ]),
    course("b", [[2, 0.2]]),
  ]);
  expect(x).toEqual([1, 2, 3]);
  expect(values).toEqual([
    [0.1, null, 0.3],
    [null, 0.2, null],
  ]);
});

test("a slice is sorted by x, and dots of a category stand side by side within it", () => {
  const axis = parameterAxis("kernel", { choice: ["rbf", "linear"] })!;
  const trials = Array.from({ length: 100 }, (_, at) =>
    trial(at, { value: at, params: { kernel: at % 2 ? "rbf" : "linear" } }),
  );
  const { x } = sliceOf(trials, axis);
  expect([...x].sort((one, other) => one - other)).toEqual(x);
  expect(x.every((place) => Math.abs(place - Math.round(place)) < 0.301)).toBe(true);
  expect(new Set(x).size).toBe(100);
  expect(rangeOf(axis)).toEqual([-0.5, 1.5]);
});

test("generations of a population, and who was copied from whom", () => {
  const part = (number: number, generation: number, member: number, parent: number | null): Part => ({
    ...trial(number),
    generation,
    member,
    parent,
    changes: {},
  });
  const parts = [part(0, 0, 0, null), part(1, 0, 1, null), part(2, 1, 1, 0), part(3, 1, 0, 0)];
  const rows = generationsOf(parts);
  expect(rows.map((row) => row.members.map((one) => one?.number))).toEqual([
    [0, 1],
    [3, 2],
  ]);
  const byNumber = new Map(parts.map((one) => [one.number, one]));
  expect(copiedFrom(parts[2]!, byNumber)?.number).toBe(0);
  expect(copiedFrom(parts[3]!, byNumber)).toBeNull();
});

test("the more trials, the less often they are asked for", () => {
  expect(patience(10)).toBe(1_000);
  expect(patience(1_000)).toBe(4_000);
  expect(patience(10_000)).toBe(30_000);
});
