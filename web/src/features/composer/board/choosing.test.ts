import { expect, it } from "vitest";
import { datasetNames, grouped } from "../palette/groups";
import type { Algorithm } from "../queries";
import { edit, read } from "../spec/document";
import { takeAlgorithm, takeDataset, takeOwnCode } from "./choosing";
import { readLabels } from "./labels";

function algorithm(name: string, tasks: string[], ...parameters: string[]): Algorithm {
  const properties = Object.fromEntries(parameters.map((one) => [one, {}]));
  return { name, tasks, library: "L", summary: "", distributes: true, defaults: {}, schema: { properties } };
}

it("keeps the hyperparameters that both algorithms have", () => {
  const text =
    "algorithm: a\nhyperparameters: {x: 1, y: 2}\nkind: tune\ntune:\n  space: {z: {int: [1, 2]}}\n";
  const after = read(edit(text, takeAlgorithm(read(text).value, algorithm("b", [], "x")))).value;
  expect(after).toEqual({ algorithm: "b", hyperparameters: { x: 1 } });
});

it("changes between own code and an algorithm", () => {
  const own = edit("name: x\nalgorithm: a\n", takeOwnCode({}));
  expect(read(own).value).toEqual({ name: "x", entrypoint: "train.py", code: "./src" });
  expect(read(edit(own, takeAlgorithm(read(own).value, algorithm("b", [])))).value).toEqual({
    name: "x",
    algorithm: "b",
  });
});

it("forgets the target of another dataset, not of another version", () => {
  const text = "dataset: iris@1\ntarget_column: species\n";
  const { value } = read(text);
  expect(read(edit(text, takeDataset(value, "iris@2"))).value).toEqual({
    dataset: "iris@2",
    target_column: "species",
  });
  expect(read(edit(text, takeDataset(value, "wine"))).value).toEqual({ dataset: "wine" });
});

it("shows each algorithm once, and samples that are not there yet", () => {
  const both = algorithm("forest", ["classification", "regression"]);
  const one = algorithm("bert", ["classification"]);
  expect(grouped([both, one], "task", "").map((group) => group.items.length)).toEqual([1, 1]);
  expect(grouped([both, one], "library", "FOR").flatMap((group) => group.items)).toEqual([both]);
  expect(datasetNames(["iris", "breast-cancer"], "").at(-1)?.items).toEqual(["wine", "digits", "diabetes"]);
  expect(datasetNames(["iris"], "zzz")).toEqual([]);
});

it("reads labels line by line", () => {
  expect(readLabels("team: vision\nurl: http://x\n\nalone")).toEqual({
    team: "vision",
    url: "http://x",
    alone: "",
  });
  expect(readLabels(" \n")).toBeUndefined();
});
