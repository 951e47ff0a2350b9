import { describe, expect, it } from "vitest";
import { edit, lineOf, MOST_CHARACTERS, read, write } from "./document";

const FILE = `# For the weekly report.
name: digits   # seen in the list
algorithm: mlp
dataset: digits

hyperparameters: {hidden: [256, 128], epochs: 20} # small
resources:
  # two are enough
  workers: 2
  cpus: 1
labels: {team: vision}
`;

describe("edit", () => {
  it("sets one value and leaves every other line as it is", () => {
    const after = edit(FILE, [[["resources", "workers"], 4]]);
    expect(after).toBe(FILE.replace("workers: 2", "workers: 4"));
  });

  it("keeps the comment at the end of the line that it changes", () => {
    expect(edit(FILE, [[["name"], "numbers"]])).toContain("name: numbers   # seen in the list");
  });

  it("adds below what is there, and above all what is missing", () => {
    const after = edit(FILE, [
      [["checkpoint", "every_epochs"], 2],
      [["hyperparameters", "dropout"], 0.1],
    ]);
    expect(read(after).value).toMatchObject({ checkpoint: { every_epochs: 2 } });
    expect(after).toContain("hyperparameters: {hidden: [256, 128], epochs: 20, dropout: 0.1} # small");
    expect(after).toContain("# two are enough");
    expect(after.indexOf("checkpoint")).toBeGreaterThan(after.indexOf("labels"));
  });

  it("takes a value out, with what is empty above it then", () => {
    const after = edit(FILE, [[["labels", "team"], undefined]]);
    expect(read(after).value).not.toHaveProperty("labels");
    expect(after).toContain("# two are enough");
  });

  it("keeps what somebody noted about a field that it takes out", () => {
    const after = edit(FILE, [[["resources", "workers"], undefined]]);
    expect(after).toContain("  # two are enough\n  cpus: 1");
    expect(edit("a: 1\nb:\n  # why\n  c: 1\n", [[["b", "c"], undefined]])).toBe("a: 1\n# why\n");
  });

  it("changes nothing when the value is the same, or the file is broken", () => {
    expect(edit(FILE, [[["resources", "workers"], 2]])).toBe(FILE);
    expect(edit("name: [", [[["name"], "x"]])).toBe("name: [");
  });

  it("begins a file that is empty, and empties one but for its comments", () => {
    expect(edit("", [[["resources", "workers"], 2]])).toBe("resources:\n  workers: 2\n");
    expect(read(edit("# mine\nname: x\n", [[["name"], undefined]])).value).toEqual({});
    expect(edit("# mine\nname: x\n", [[["name"], undefined]])).toContain("# mine");
  });

  it("is read back as what was written, whatever the text is", () => {
    for (const value of [
      "no",
      "1.0",
      "a: b",
      "# x",
      "",
      "two\nlines",
      null,
      true,
      -0.5,
      1e-9,
      [[64], [128, 64]],
    ]) {
      expect(read(edit(FILE, [[["hyperparameters", "x"], value]])).value).toMatchObject({
        hyperparameters: { x: value },
      });
    }
  });

  it("replaces a value by a mapping when something goes below it", () => {
    expect(read(edit("name: x\nresources: 3\n", [[["resources", "workers"], 2]])).value).toEqual({
      name: "x",
      resources: { workers: 2 },
    });
  });
});

describe("read", () => {
  it("says where it is wrong", () => {
    const { wrong } = read("name: x\nresources:\n  workers: [1\nseed: 3\n");
    expect(wrong.length).toBeGreaterThan(0);
    expect(wrong[0]?.line).toBeGreaterThanOrEqual(3);
  });

  it("refuses lists, twice the same field, and what is far too long", () => {
    expect(read("- 1\n").wrong).toHaveLength(1);
    expect(read("name: a\nname: b\n").wrong[0]?.line).toBe(2);
    expect(read("#".repeat(MOST_CHARACTERS + 1)).wrong).toHaveLength(1);
  });

  it("does not follow a bomb of aliases", () => {
    const lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (let at = 1; at < 10; at += 1) {
      const before = String.fromCharCode(96 + at);
      lines.push(
        `${String.fromCharCode(97 + at)}: &${String.fromCharCode(97 + at)} [${`*${before}, `.repeat(9)}*${before}]`,
      );
    }
    expect(read(lines.join("\n")).wrong).toHaveLength(1);
  });
});

describe("lineOf", () => {
  it.each([
    ["name", 2],
    ["resources.workers", 9],
    ["resources.memory", 7],
    ["hyperparameters.epochs", 6],
    ["tune", 1],
    ["", 1],
  ])("finds %s in line %i", (field, line) => {
    expect(lineOf(FILE, field)).toBe(line);
  });

  it("knows names with dots in them, and places in lists", () => {
    expect(lineOf("hyperparameters:\n  a: 1\n  opt.lr: 2\n", "hyperparameters.opt.lr")).toBe(3);
    expect(lineOf("args:\n  - one\n  - two\n", "args.1")).toBe(3);
  });
});

it("writes a mapping in blocks, lists on one line", () => {
  expect(write({ name: "x", hyperparameters: { hidden: [8, 4] }, resources: { workers: 2 } })).toBe(
    "name: x\nhyperparameters:\n  hidden: [8, 4]\nresources:\n  workers: 2\n",
  );
});
