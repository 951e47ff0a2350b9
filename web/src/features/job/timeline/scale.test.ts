import { expect, test } from "vitest";
import { bars, startUp, ticks } from "./scale";

const stages = [
  { name: "queued", start_s: 0, seconds: 1 },
  { name: "data prepared", start_s: 1, seconds: 1 },
  { name: "training", start_s: 2, seconds: 98 },
];

test("stages lie one behind the other, as wide as they are long", () => {
  const found = bars(stages, 100);
  expect(found.map((one) => [one.left, one.width])).toEqual([
    [0, 1],
    [1, 1],
    [2, 98],
  ]);
});

test("of a part only what is in it is shown, cut at its end", () => {
  const found = bars(stages, 4);
  expect(found.at(-1)).toMatchObject({ left: 50, width: 50 });
  expect(bars(stages, 1.5).map((one) => one.name)).toEqual(["queued", "data prepared"]);
});

test("a very short stage is to be seen, one without a length is not", () => {
  const found = bars(
    [
      { name: "a", start_s: 0, seconds: 1e-6 },
      { name: "b", start_s: 0, seconds: 0 },
    ],
    100,
  );
  expect(found).toHaveLength(1);
  expect(found[0]!.width).toBeGreaterThan(0.1);
});

test("the start-up ends when the last rank trains", () => {
  const late = [{ name: "training", start_s: 7, seconds: 1 }];
  expect(startUp([{ stages }, { stages: late }], 100)).toBe(7);
  expect(startUp([{ stages: stages.slice(0, 2) }], 100)).toBe(100);
});

test.each([
  [1, [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]],
  [0, []],
])("ticks up to %s", (until, found) => expect(ticks(until)).toEqual(found));
test("ticks are few, whatever the scale", () => {
  for (const until of [0.003, 7, 86_400, 1e9]) expect(ticks(until).length).toBeLessThan(8);
});
