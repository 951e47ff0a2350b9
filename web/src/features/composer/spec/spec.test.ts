import { describe, expect, it } from "vitest";
import { datasetOf, isSaid, needs, withoutDefaults, wrongAt } from "./spec";

describe("withoutDefaults", () => {
  it("leaves what somebody would have written", () => {
    const spec = {
      name: "x",
      kind: "train",
      algorithm: "mlp",
      entrypoint: null,
      args: [],
      hyperparameters: { clip_norm: null, epochs: 20 },
      resources: { workers: 2, min_workers: null, cpus: 1.0, gpus: 0, memory: 0 },
      checkpoint: { every_epochs: 1, every_steps: 50, keep_last: 2, keep_best: 1 },
      split: { by: null, test: 0.2, validation: 0.0 },
      seed: 7,
      labels: { team: "vision" },
      profile: null,
    };
    expect(withoutDefaults(spec)).toEqual({
      name: "x",
      algorithm: "mlp",
      // A null that somebody gave means something.
      hyperparameters: { clip_norm: null, epochs: 20 },
      resources: { workers: 2 },
      checkpoint: { every_steps: 50 },
      labels: { team: "vision" },
    });
  });

  it("keeps a study's space and objective whole", () => {
    const tune = { space: { C: { float: [0.1, 1], log: true } }, objective: [{ metric: "r2" }] };
    expect(
      withoutDefaults({
        tune: { ...tune, trials: 20, sampler: "tpe", pruner_options: { min_resource: null } },
      }),
    ).toEqual({ tune });
  });
});

it("knows datasets of the platform from files and addresses", () => {
  expect(datasetOf({ dataset: "iris@2" })).toEqual({ name: "iris", version: "2" });
  expect(datasetOf({ dataset_path: "iris" })).toEqual({ name: "iris", version: "latest" });
  for (const dataset of ["./a.csv", "https://x.org/a.csv", "", 3.5, null, ["iris"]].slice(0, 3)) {
    expect(datasetOf({ dataset })).toBeNull();
  }
});

it("says what is lacking, and not twice", () => {
  expect(needs({})).toEqual(["name", "program", "dataset"]);
  expect(needs({ name: "x", algorithm: "mlp", dataset: "iris" })).toEqual([]);
  expect(needs({ name: "x", entrypoint: "train.py", code: "./src" })).toEqual(["code"]);
  expect(needs({ name: "x", entrypoint: "train.py", code: { digest: "0" } })).toEqual([]);
  expect(isSaid("", ["program"])).toBe(true);
  expect(isSaid("", ["dataset"])).toBe(false);
  expect(isSaid("resources.workers", ["program", "dataset"])).toBe(false);
});

it("puts what the server says at the field, and at the one that it is a part of", () => {
  const fields = [
    { field: "labels.a", message: "no text" },
    { field: "resources.workers", message: "too few" },
  ];
  expect(wrongAt(fields, ["labels"])).toBe("no text");
  expect(wrongAt(fields, ["resources", "workers"])).toBe("too few");
  expect(wrongAt(fields, ["resources", "work"])).toBeUndefined();
});
