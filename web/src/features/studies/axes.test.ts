import { expect, test } from "vitest";
import { axesOf, type Axis, coordinateAt, objectiveAxis, parameterAxis, position, ticksOf } from "./axes";
import { trial } from "./testing";

function axis(range: unknown): Axis {
  const made = parameterAxis("x", range);
  if (made === null) throw new Error("no axis");
  return made;
}

test("a plain range is even, a logarithmic one by orders of magnitude", () => {
  expect(position(axis({ float: [0, 10] }), 2.5)).toBe(0.25);
  expect(position(axis({ float: [0.01, 100], log: true }), 1)).toBeCloseTo(0.5);
  expect(coordinateAt(axis({ float: [0.01, 100], log: true }), 0.25)).toBeCloseTo(0.1);
});

test.each([{ float: [0.001, 1], log: true }, { int: [1, 9] }, { float: [-3, 5] }])(
  "%j: a place leads back to its coordinate",
  (range) => {
    const one = axis(range);
    for (const place of [0, 0.3, 1]) expect(position(one, coordinateAt(one, place))).toBeCloseTo(place);
  },
);

test("categories are told apart by what they are, also when they are lists", () => {
  const one = axis({ choice: [[64], [64, 32], "relu", null] });
  expect(one.read(trial(0, { params: { x: [64, 32] } }))).toBe(1);
  expect(one.read(trial(0, { params: { x: null } }))).toBe(3);
  expect(one.read(trial(0, { params: { x: "tanh" } }))).toBeNull();
  expect(position(one, 1)).toBeCloseTo(1 / 3);
});

test("an axis of one value has it in the middle", () => {
  expect(position(axis({ int: [3, 3] }), 3)).toBe(0.5);
  expect(ticksOf(axis({ int: [3, 3] }))).toEqual([3]);
});

test("whole numbers have whole ticks, each once", () => {
  expect(ticksOf(axis({ int: [1, 3] }))).toEqual([1, 2, 3]);
  const ticks = ticksOf(axis({ int: [1, 9] }));
  expect(ticks).toEqual([1, 3, 5, 7, 9]);
});

test("a range that cannot be read makes no axis", () => {
  expect(parameterAxis("x", { float: "wide" })).toBeNull();
  expect(parameterAxis("x", null)).toBeNull();
});

test("an objective reaches from the lowest to the highest value; none without values", () => {
  const objective = { metric: "loss", direction: "minimize" as const };
  expect(objectiveAxis(objective, 0, [trial(0)])).toBeNull();
  const made = objectiveAxis(objective, 0, [trial(0, { value: 3 }), trial(1, { value: -1 }), trial(2)]);
  expect([made?.low, made?.high]).toEqual([-1, 3]);
});

test("thirty parameters and a thousand trials", () => {
  const space = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`p${at}`, { float: [0, 1] }]));
  const trials = Array.from({ length: 1000 }, (_, at) => trial(at, { value: at }));
  const axes = axesOf(space, [{ metric: "accuracy", direction: "maximize" }], trials);
  expect(axes.map((one) => one.id).slice(-2)).toEqual(["p:p29", "o:0"]);
  expect(axes.at(-1)?.high).toBe(999);
});
