import { describe, expect, it } from "vitest";
import { edit, read } from "./document";
import { parameterOf } from "./parameters";
import { objectiveOf, proposed, rangeOf, tuned, untuned, written } from "./tuning";

const C = parameterOf("C", { type: "number", default: 1, exclusiveMinimum: 0 });
const DEPTH = parameterOf("max_depth", {
  anyOf: [{ type: "integer", minimum: 1 }, { type: "null" }],
  default: null,
});
const DROPOUT = parameterOf("dropout", { type: "number", default: 0, minimum: 0, exclusiveMaximum: 1 });
const KERNEL = parameterOf("kernel", { enum: ["rbf", "linear"], type: "string", default: "rbf" });
const HIDDEN = parameterOf("hidden", { type: "array", default: [64] });

describe("a range is proposed", () => {
  it.each([
    [C, 1, { float: [0.1, 10], log: true }],
    [C, 0.02, { float: [0.002, 0.2], log: true }],
    [DEPTH, undefined, { int: [1, 10] }],
    [DEPTH, 8, { int: [4, 16] }],
    [KERNEL, "linear", { choice: ["rbf", "linear"] }],
    [HIDDEN, undefined, { choice: [[64]] }],
  ])("around what it is now: %#", (parameter, now, range) => {
    expect(proposed(parameter, now)).toEqual(range);
  });

  it("inside of what the algorithm takes", () => {
    const [low, high] = (proposed(DROPOUT, undefined) as { float: [number, number] }).float;
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThan(1);
    const share = proposed(DROPOUT, 0.5) as { float: [number, number] };
    expect(share.float[1]).toBeLessThan(1);
    expect((proposed(C, 0) as { float: [number, number] }).float[0]).toBeGreaterThan(0);
  });
});

describe("a study is made and unmade", () => {
  const FILE = "# mine\nname: x\nalgorithm: svm\nhyperparameters:\n  C: 2\n";

  it("moves the hyperparameter into the space, and back", () => {
    const before = read(FILE).value;
    const study = edit(FILE, tuned(before, C, "accuracy"));
    expect(study).toContain("C: {float: [0.2, 20], log: true}");
    expect(read(study).value).toMatchObject({
      kind: "tune",
      tune: { objective: { metric: "accuracy", direction: "maximize" } },
    });
    expect(read(study).value).not.toHaveProperty("hyperparameters");
    const after = edit(study, untuned(read(study).value, "C"));
    expect(read(after).value).toEqual({ name: "x", algorithm: "svm" });
    expect(after).toContain("# mine");
  });

  it("stays one while anything is searched, and keeps its objective", () => {
    let text = edit(FILE, tuned(read(FILE).value, C, "accuracy"));
    text = edit(text, [[["tune", "objective"], { metric: "log_loss", direction: "minimize" }]]);
    text = edit(text, tuned(read(text).value, KERNEL, "accuracy"));
    text = edit(text, untuned(read(text).value, "C"));
    expect(read(text).value).toMatchObject({
      kind: "tune",
      tune: { space: { kernel: { choice: ["rbf", "linear"] } } },
    });
    expect(objectiveOf(read(text).value)).toEqual({
      metric: "log_loss",
      direction: "minimize",
      several: false,
    });
  });
});

it("reads a range back as it was written, and no other shapes", () => {
  for (const range of [{ float: [1, 2], log: true }, { int: [1, 9], step: 2 }, { choice: [null, [1]] }]) {
    expect(written(rangeOf(range)!)).toEqual(range);
  }
  for (const odd of [null, 3, {}, { float: [1] }, { float: "x" }]) expect(rangeOf(odd)).toBeNull();
});
