import { expect, test } from "vitest";
import { asWritten } from "./written";

test("what was left out stays out, what is false or zero stays in", () => {
  const spec = {
    name: "iris",
    args: [],
    code: null,
    resources: { workers: 1, min_workers: null, gpus: 0 },
    split: { column: null },
    hyperparameters: { depth: null },
    model: { example: false },
  };
  expect(asWritten(spec)).toEqual({
    name: "iris",
    resources: { workers: 1, gpus: 0 },
    hyperparameters: { depth: null },
    model: { example: false },
  });
});
