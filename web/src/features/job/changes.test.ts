import { expect, test } from "vitest";
import { changesOf, NotAMapping, read, written } from "./changes";

test.each([[0.1], [[64, 32]], ["cosine"], ["1e-3"], [null], [true]])(
  "%j is read as it was written",
  (value) => expect(read(written(value))).toEqual(value),
);

test("only what is different is a change", () => {
  const before = { epochs: 10, schedule: "cosine" };
  const fields = { epochs: "20", schedule: "cosine" };
  expect(changesOf(before, fields, "")).toEqual({ hyperparameters: { epochs: 20 } });
  expect(changesOf(before, { epochs: "10", schedule: "cosine" }, "")).toEqual({});
});

test("further fields are a mapping", () => {
  expect(changesOf({}, {}, '{"resources": {"workers": 2}}')).toEqual({ resources: { workers: 2 } });
  expect(() => changesOf({}, {}, "workers")).toThrow(NotAMapping);
  expect(() => changesOf({}, {}, "[1]")).toThrow(NotAMapping);
});
