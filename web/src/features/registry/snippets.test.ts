import { expect, test } from "vitest";
import type { Version } from "./queries";
import { shell, snippets } from "./snippets";

const version = (given: Partial<Version>) =>
  ({ name: "wine", version: 3, workspace: "default", signature: null, ...given }) as Version;
const texts = (given: Partial<Version>, onnx: string | null = null) =>
  Object.fromEntries(
    snippets(version(given), "https://fleet.example", onnx).map(({ id, text }) => [id, text]),
  );

test("the version is named everywhere", () => {
  const found = texts({}, "model.onnx");
  expect(found.python).toContain('client.models.get("wine", 3)');
  expect(found.command).toBe("tensorfleet models download wine@3");
  expect(found.curl).toContain("https://fleet.example/api/v1/models/wine/versions/3");
  expect(found.onnx).toContain("model.onnx");
  expect(texts({}).onnx).toBeUndefined();
});

test("another workspace is named too", () => {
  const found = texts({ workspace: "vision" });
  expect(found.python).toContain('workspace="vision"');
  expect(found.command).toBe("TENSORFLEET_WORKSPACE=vision tensorfleet models download wine@3");
  expect(found.curl).toContain("?workspace=vision");
});

test("a name is no program", () => {
  const found = texts({ name: `a'; rm -rf "x" \\` });
  expect(found.command).toBe(`tensorfleet models download 'a'\\''; rm -rf "x" \\@3'`);
  expect(found.python).toContain(String.raw`get("a'; rm -rf \"x\" \\", 3)`);
  expect(shell("$(x)")).toBe("'$(x)'");
});
