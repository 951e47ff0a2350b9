import { expect, test } from "vitest";
import { type Axis, parameterAxis } from "./axes";
import { brushBetween, brushed, brushFromFields, marksOf, passes } from "./brush";
import { trial } from "./testing";

const rate = parameterAxis("rate", { float: [0.001, 1], log: true }) as Axis;
const kernel = parameterAxis("kernel", { choice: ["rbf", "linear", "poly"] }) as Axis;
const good = trial(1, { params: { rate: 0.05, kernel: "linear" } });

test("drawing on a logarithmic axis chooses by orders of magnitude", () => {
  const brush = brushBetween(rate, 2 / 3, 1 / 3);
  expect(brush).toMatchObject({ from: expect.closeTo(0.01) as number, to: expect.closeTo(0.1) as number });
  expect(passes(good, [rate], { [rate.id]: brush! })).toBe(true);
  expect(passes(trial(2, { params: { rate: 0.5 } }), [rate], { [rate.id]: brush! })).toBe(false);
});

test("drawing beyond an end stops there", () => {
  expect(brushBetween(rate, 0.5, 7)).toMatchObject({ to: expect.closeTo(1) as number });
  expect(brushBetween(rate, 1.5, 7)).toBeNull();
});

test("drawing on categories takes those that are between", () => {
  expect(brushBetween(kernel, 0.4, 1)).toEqual({ only: [1, 2] });
  expect(brushBetween(kernel, 0.1, 0.3)).toBeNull();
});

test("a trial passes all brushes, and none on an axis where it is not", () => {
  const both = { [rate.id]: { from: 0.01, to: 0.1 }, [kernel.id]: { only: [1] } };
  expect(passes(good, [rate, kernel], both)).toBe(true);
  expect(passes(trial(1, { params: { rate: 0.05, kernel: "rbf" } }), [rate, kernel], both)).toBe(false);
  expect(passes(trial(1, { params: { kernel: "linear" } }), [rate, kernel], both)).toBe(false);
});

test("the ends are included", () => {
  const brush = { [rate.id]: { from: 0.05, to: 0.05 } };
  expect(passes(good, [rate], brush)).toBe(true);
});

test("fields: an empty one is the axis' end, both empty none, turned round the same", () => {
  expect(brushFromFields(rate, "", "0.1")).toEqual({ from: 0.001, to: 0.1 });
  expect(brushFromFields(rate, " ", "")).toBeNull();
  expect(brushFromFields(rate, "0.5", "0.1")).toEqual({ from: 0.1, to: 0.5 });
  expect(brushFromFields(rate, "a", "1")).toBeNull();
});

test("one brush more, one less", () => {
  const one = brushed({}, "p:a", { only: [1] });
  expect(brushed(one, "p:b", { only: [2] })).toEqual({ "p:a": { only: [1] }, "p:b": { only: [2] } });
  expect(brushed(one, "p:a", null)).toEqual({});
});

test("marks stay on the axis", () => {
  expect(marksOf(rate, { from: 0, to: 5 })).toEqual([[0, 1]]);
  expect(marksOf(kernel, { only: [0, 2] })).toHaveLength(2);
  expect(marksOf(rate, undefined)).toEqual([]);
});
