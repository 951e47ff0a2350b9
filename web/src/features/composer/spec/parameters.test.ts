import { describe, expect, it } from "vitest";
import {
  limits,
  matching,
  parameterOf,
  parametersOf,
  shownValue,
  typedValue,
  worthWriting,
} from "./parameters";

const SCHEMA = {
  properties: {
    max_features: {
      anyOf: [
        { enum: ["sqrt", "log2"], type: "string" },
        { exclusiveMinimum: 0, maximum: 1, type: "number" },
        { type: "null" },
      ],
      default: null,
      description: "of each split",
    },
    epochs: { default: 20, minimum: 1, type: "integer" },
    schedule: { default: "constant", enum: ["constant", "cosine"], type: "string" },
    stream: { anyOf: [{ type: "boolean" }, { type: "null" }], default: null },
    hidden: { default: [256, 128], type: "array", items: { type: "integer" } },
  },
};

describe("a form from the schema", () => {
  const [features, epochs, schedule, stream] = parametersOf(SCHEMA);

  it("has fields with words, limits and lists of choices", () => {
    expect(features).toMatchObject({ words: ["sqrt", "log2"], low: 0, high: 1, above: true, below: false });
    expect(features?.choices).toBeNull();
    expect(schedule?.choices).toEqual(["constant", "cosine"]);
    expect(stream?.choices).toEqual([true, false, null]);
    expect(limits(features!, (key, { value }) => `${key} ${value}`)).toBe("above 0, atMost 1");
    expect(limits(epochs!, (key, { value }) => `${key} ${value}`)).toBe("atLeast 1");
  });

  it("is searched by names and descriptions", () => {
    expect(matching(parametersOf(SCHEMA), "split").map((one) => one.name)).toEqual(["max_features"]);
    expect(matching(parametersOf(SCHEMA), "")).toHaveLength(5);
  });

  it("survives schemas that say nothing", () => {
    expect(parametersOf({})).toEqual([]);
    expect(parameterOf("x", {}).choices).toBeNull();
  });
});

describe("what is typed", () => {
  const any = new Set(["number", "null", "array"]);
  it.each([
    ["30", 30],
    ["1e-4", 0.0001],
    ["-.5", -0.5],
    ["null", null],
    ["[64, 32]", [64, 32]],
    ["sqrt", "sqrt"],
    ["  ", undefined],
    ["1e-", "1e-"],
    ["0x10", 16],
    ["[1", "[1"],
  ])("%s means %j", (text, meant) => {
    expect(typedValue(text, any)).toEqual(meant);
  });

  it("is text where only text is possible", () => {
    expect(typedValue("12", new Set(["string"]))).toBe("12");
  });

  it("is not written when it is so anyway", () => {
    const [, epochs, , , hidden] = parametersOf(SCHEMA);
    expect(worthWriting(epochs!, 20)).toBeUndefined();
    expect(worthWriting(epochs!, 21)).toBe(21);
    expect(worthWriting(hidden!, [256, 128])).toBeUndefined();
  });

  it("is shown as it is typed", () => {
    for (const value of [3, [64, 32], true, null]) expect(typedValue(shownValue(value), any)).toEqual(value);
  });
});
