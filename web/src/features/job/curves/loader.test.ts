import { expect, test, vi } from "vitest";
import { Loader } from "./loader";
import { MetricStore } from "./store";

const series = (name: string) => ({
  name,
  rank: 0,
  points: [{ step: 1, value: 0.5, at: "2026-01-01T00:00:00Z" }],
});

test("what is wanted at about the same time is asked for in one call, and each once", async () => {
  const store = new MetricStore();
  const ask = vi.fn((_: number, names: string[]) => Promise.resolve(names.map(series)));
  const loader = new Loader(store, ask, vi.fn());
  for (const name of ["a", "b", "a"]) loader.want(name, 0);
  await vi.waitFor(() => expect(store.get("b", 0)?.length).toBe(1));
  loader.want("a", 0);
  await new Promise((done) => setTimeout(done, 30));
  expect(ask.mock.calls).toEqual([[0, ["a", "b"]]]);
});

test("what could not be had is told, and asked for again when it is wanted again", async () => {
  const store = new MetricStore();
  const ask = vi
    .fn()
    .mockRejectedValueOnce(new Error("away"))
    .mockResolvedValue([series("a")]);
  const told = vi.fn();
  const loader = new Loader(store, ask, told);
  loader.want("a", 0);
  await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
  loader.want("a", 0);
  await vi.waitFor(() => expect(store.get("a", 0)?.length).toBe(1));
});
