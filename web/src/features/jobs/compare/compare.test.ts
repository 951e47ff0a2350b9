import { describe, expect, it } from "vitest";
import { changesOf } from "./changes";
import { labelsOf, MOST, readIds, withIds } from "./ids";
import { aligned, bestOf, coursesOf, cut, measuresOf } from "./measures";
import { flattened, parametersOf } from "./parameters";

describe("parameters", () => {
  it("are flattened by their paths, without what is empty", () => {
    const spec = { a: { b: 1, c: [] }, list: [1, { x: 2 }], none: null, text: "t", off: false, zero: 0 };
    expect([...flattened(spec)]).toEqual([
      ["a.b", "1"],
      ["list", '[1,{"x":2}]'],
      ["text", "t"],
      ["off", "false"],
      ["zero", "0"],
    ]);
  });

  it("ends however deep it goes", () => {
    let deep: Record<string, unknown> = { end: 1 };
    for (let at = 0; at < 100; at++) deep = { in: deep };
    expect(flattened(deep).size).toBe(1);
  });

  it("differ where one job has another value, or none", () => {
    const found = parametersOf([
      { lr: 0.1, seed: 1 },
      { lr: 0.2, seed: 1, extra: "x" },
    ]);
    expect(found.map((one) => [one.name, one.differs, one.values])).toEqual([
      ["extra", true, [null, "x"]],
      ["lr", true, ["0.1", "0.2"]],
      ["seed", false, ["1", "1"]],
    ]);
  });
});

describe("the best", () => {
  it("is the highest, or the lowest of a loss", () => {
    expect([...bestOf([0.1, null, 0.9], false)]).toEqual([2]);
    expect([...bestOf([0.1, null, 0.9], true)]).toEqual([0]);
    expect([...bestOf([2, 2, 1], false)]).toEqual([0, 1]);
  });

  it("is nobody without a contest", () => {
    expect(bestOf([1, 1], false).size).toBe(0);
    expect(bestOf([null, 3], false).size).toBe(0);
    expect(bestOf([NaN, 3], false).size).toBe(0);
  });

  it("metrics that most jobs have come first", () => {
    const found = measuresOf([{ a: 1, "val/loss": 2 }, { "val/loss": 1 }]);
    expect(found.map((one) => [one.name, one.lower, [...one.best]])).toEqual([
      ["val/loss", true, [1]],
      ["a", false, []],
    ]);
  });
});

it("coursesOf leaves out what has one value only", () => {
  const summaries = [
    [
      { name: "loss", count: 25 },
      { name: "accuracy", count: 1 },
      { name: "lr", count: 2 },
      null,
      7,
      { count: 3 },
    ],
    [
      { name: "loss", count: 3 },
      { name: "b", count: 2 },
    ],
  ];
  expect(coursesOf(summaries)).toEqual(["loss", "b", "lr"]);
});

describe("courses on one axis", () => {
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  const point = (step: number | null, value: number | null, second: number) => ({
    step,
    value,
    at: at(second),
  });
  const one = { started: at(10), points: [point(0, 5, 10), point(2, 4, 12)] };
  const two = { started: at(30), points: [point(1, 9, 31), point(null, 8, 32), point(2, null, 33)] };

  it("by step, with gaps where one has none", () => {
    expect(aligned([one, two], "step")).toEqual({
      x: [0, 1, 2],
      values: [
        [5, null, 4],
        [null, 9, null],
      ],
    });
  });

  it("by the time since each began", () => {
    expect(aligned([one, two], "time")).toEqual({
      x: [0, 1, 2],
      values: [
        [5, null, 4],
        [null, 9, 8],
      ],
    });
  });

  it("are cut to what was chosen, and whole if nothing is in it", () => {
    const all = aligned([one, two], "step");
    expect(cut(all, [0.5, 2])).toEqual({
      x: [1, 2],
      values: [
        [null, 4],
        [9, null],
      ],
    });
    expect(cut(all, [50, 60])).toBe(all);
    expect(cut(all, null)).toBe(all);
  });
});

describe("which jobs", () => {
  it("each once, and not too many", () => {
    const many = Array.from({ length: 50 }, (_, at) => `j-${at}`).join(",");
    expect(readIds(new URLSearchParams("ids=a, b,a,,"))).toEqual(["a", "b"]);
    expect(readIds(new URLSearchParams({ ids: many }))).toHaveLength(MOST);
    expect(readIds(new URLSearchParams())).toEqual([]);
  });

  it("the base goes with its job", () => {
    const search = new URLSearchParams("ids=a,b&base=b");
    expect(withIds(search, ["a", "b", "c"]).get("base")).toBe("b");
    expect(withIds(search, ["a"]).has("base")).toBe(false);
  });

  it("are told apart when they have the same name", () => {
    const jobs = [
      { job_id: "j-aaaa1111", name: "x" },
      { job_id: "j-bbbb2222", name: "x" },
      { job_id: "j-cccc3333", name: "y" },
    ];
    expect(labelsOf(jobs)).toEqual(["x (1111)", "x (2222)", "y"]);
  });
});

it("changesOf reads what the server says has changed", () => {
  const said = [
    { part: "seed", fields: [{ field: "seed", a: 1, b: null }] },
    { part: "machine", unknown: ["a"] },
  ];
  expect(changesOf(said)).toEqual([
    { name: "seed", unknown: false, fields: [{ name: "seed", a: "1", b: "–" }] },
    { name: "machine", unknown: true, fields: [] },
  ]);
});
