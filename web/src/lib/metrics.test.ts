import { describe, expect, it } from "vitest";
import { lowerIsBetter, mainMetric } from "./metrics";

describe("mainMetric", () => {
  it("is the one that the job file names", () => {
    const metrics = { accuracy: 0.9, "val/f1": 0.7 };
    expect(mainMetric({ metrics, spec: { checkpoint: { metric: "val/f1" } } })?.name).toBe("val/f1");
  });

  it("is the most telling one otherwise, and never one without a value", () => {
    expect(mainMetric({ metrics: { lr: 0.1, "train/loss": 1, "val/loss": 2 }, spec: {} })?.name).toBe(
      "val/loss",
    );
    expect(mainMetric({ metrics: { accuracy: null, lr: 0.1 }, spec: {} })).toEqual({
      name: "lr",
      value: 0.1,
    });
    expect(mainMetric({ metrics: {}, spec: { checkpoint: { metric: "loss" } } })).toBeNull();
  });
});

describe("lowerIsBetter", () => {
  it.each(["loss", "val/loss", "log_loss", "best_cv_log_loss", "rmse", "median_error"])("%s: yes", (name) => {
    expect(lowerIsBetter(name)).toBe(true);
  });
  it.each(["accuracy", "r2", "f1_macro", "lossless_share"])("%s: no", (name) => {
    expect(lowerIsBetter(name)).toBe(false);
  });
});
