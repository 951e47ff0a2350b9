import { expect, test } from "vitest";
import { differs, lines, metricLines, signatureChanges } from "./compare";
import { datasetOf, fieldsOf, formatsOf, prefixOf } from "./describe";
import type { Version } from "./queries";

const version = (given: Partial<Version>) =>
  ({ metrics: {}, tags: {}, formats: [], signature: null, source: "", ...given }) as Version;

test("metrics are told with their distance from the first version", () => {
  const found = metricLines([
    version({ metrics: { accuracy: 0.5, loss: 2 } }),
    version({ metrics: { accuracy: 0.75, f1: 1 } }),
  ]);
  expect(found).toEqual([
    { name: "accuracy", values: [0.5, 0.75], steps: [null, 0.25] },
    { name: "loss", values: [2, null], steps: [null, null] },
    { name: "f1", values: [null, 1], steps: [null, null] },
  ]);
});

test("signatures are compared field by field", () => {
  const inputs = [
    { name: "a", type: "double" },
    { name: "b", type: "long" },
  ];
  const before = version({ signature: { inputs, outputs: [{ type: "long" }] } });
  const after = version({ signature: { inputs: inputs.slice(0, 1), outputs: [{ type: "string" }] } });
  expect(signatureChanges([before, before])).toEqual([]);
  expect(signatureChanges([before, after])).toEqual([
    { name: "inputs: b", values: ["long", null] },
    { name: "outputs: 1", values: ["long", "string"] },
  ]);
});

test("names that every object has are names like others", () => {
  const hostile = JSON.parse('{"__proto__": 2, "constructor": 3}') as Record<string, number>;
  expect(lines([{ a: 1 }, hostile])).toEqual([
    { name: "a", values: [1, null] },
    { name: "__proto__", values: [null, 2] },
    { name: "constructor", values: [null, 3] },
  ]);
  expect([differs([[1], [1]]), differs([1, "1"])]).toEqual([false, true]);
});

test("what others wrote into MLflow is read with care", () => {
  const tensor = { type: "tensor", "tensor-spec": { dtype: "float32", shape: [-1, 3] } };
  expect(fieldsOf({ inputs: [tensor, null, "x"] }, "inputs")).toEqual([
    { name: "1", type: "float32 [-1, 3]" },
  ]);
  expect(fieldsOf({ inputs: "no" }, "inputs")).toEqual([]);
  expect(datasetOf(version({ tags: { "tensorfleet.dataset": "a@b@12" } }))).toEqual({
    name: "a@b",
    version: 12,
  });
  expect(datasetOf(version({ tags: { "tensorfleet.dataset": "none" } }))).toBeNull();
  expect(formatsOf(version({ formats: [{ format: 3, rows: "x" }] }))[0]).toMatchObject({
    format: "?",
    rows: null,
  });
});

test("files lie below the prefix, or where the source says", () => {
  expect(prefixOf(version({ tags: { "tensorfleet.prefix": "models/j-1/1" } }))).toBe("j-1/1");
  expect(prefixOf(version({ source: "file:///x/models/y/models/j-2/1/" }))).toBe("j-2/1");
  expect(prefixOf(version({ source: "s3://elsewhere/x" }))).toBeNull();
});
