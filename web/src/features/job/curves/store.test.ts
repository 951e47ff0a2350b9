import { expect, test, vi } from "vitest";
import { MetricStore } from "./store";

const event = (points: unknown[], job = "j", rank = 0) => ({
  id: 1,
  job_id: job,
  kind: "metrics",
  at: "",
  data: { rank, points },
});

test("points of the stream go to their metric and rank, and who draws it is told once", () => {
  const store = new MetricStore();
  const told = vi.fn();
  store.keep("loss", 0);
  store.follow("loss", told);
  store.take(
    event([
      { step: 1, at: 1, values: { loss: 0.5, lr: 0.1 } },
      { step: 2, at: 2, values: { loss: 0.4 } },
    ]),
    "j",
  );
  expect(store.get("loss", 0)!.values).toEqual([0.5, 0.4]);
  expect(store.get("loss", 1)).toBeUndefined();
  expect(store.get("lr", 0)).toBeUndefined();
  expect(store.getNames()).toEqual(["loss", "lr"]);
  expect(told).toHaveBeenCalledTimes(1);
});

test("other jobs and kinds are nothing to it", () => {
  const store = new MetricStore();
  store.take(event([{ step: 1, at: 1, values: { loss: 1 } }], "other"), "j");
  store.take({ ...event([]), kind: "log" }, "j");
  expect(store.getNames()).toEqual([]);
});

test("the list of names is the same one until a name is new", () => {
  const store = new MetricStore();
  const told = vi.fn();
  store.followNames(told);
  store.know(["m10", "m9"]);
  const names = store.getNames();
  store.know(["m9"]);
  expect(store.getNames()).toBe(names);
  expect(names).toEqual(["m9", "m10"]);
  expect(told).toHaveBeenCalledTimes(1);
});
