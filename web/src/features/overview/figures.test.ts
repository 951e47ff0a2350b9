import { describe, expect, it } from "vitest";
import { mean, pathOf, slotsOf, wasteOf } from "./figures";

it("slotsOf counts slots of workers that are there", () => {
  const worker = (state: "online" | "draining" | "lost", slots: number, busy: number) => ({
    state,
    slots,
    busy,
  });
  expect(slotsOf([worker("online", 4, 1), worker("draining", 2, 2), worker("lost", 8, 8)])).toEqual({
    online: 2,
    workers: 3,
    busy: 3,
    slots: 6,
  });
});

it("wasteOf is a share of the time that has ended", () => {
  expect(wasteOf({ useful: 6, idle: 2, lost: 1, hung: 1, running: 90, total: 100 })).toBe(0.4);
  expect(wasteOf({ useful: 0, idle: 0, lost: 0, hung: 0, running: 5, total: 5 })).toBeNull();
});

describe("pathOf", () => {
  const window = { from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:40:00Z", step_s: 600 };
  const point = (minute: number, share: number) => ({
    at: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
    share,
  });

  it("is a line from the left to the right", () => {
    expect(pathOf([point(0, 0), point(10, 0.5), point(20, 1)], window)).toBe(
      "M0.00 100.00 L10.00 50.00 L20.00 0.00",
    );
  });

  it("has a gap where nothing is known, and stays in its box", () => {
    expect(pathOf([point(0, -1), point(50, 7)], window)).toBe("M0.00 100.00 M50.00 0.00");
    expect(pathOf([], window)).toBe("");
  });
});

it("the mean of nothing is nothing", () => {
  expect(mean([])).toBeNull();
  expect(mean([1, 2])).toBe(1.5);
});
