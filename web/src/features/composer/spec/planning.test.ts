import { expect, it } from "vitest";
import { edit, read } from "./document";
import { editsOf } from "./planning";

const FILE = "name: x\nresources:\n  workers: 20\n  gpus: 1\n";

function changed(change: Record<string, unknown>, text = FILE): unknown {
  const edits = editsOf(change, read(text).value);
  return edits && read(edit(text, edits)).value.resources;
}

it("takes fewer workers; of an elastic job the least that it needs", () => {
  expect(changed({ kind: "lower_workers", workers: 3 })).toEqual({ workers: 3, gpus: 1 });
  expect(changed({ kind: "lower_workers", workers: 3 }, `${FILE}  min_workers: 10\n`)).toEqual({
    workers: 20,
    gpus: 1,
    min_workers: 3,
  });
});

it("asks for less each, then for more that is needed as well", () => {
  const demand = { cpus: 1, gpus: 0, memory_bytes: 25275924480 };
  expect(changed({ kind: "lower_demand", demand, and_then: { kind: "lower_workers", workers: 2 } })).toEqual({
    workers: 2,
    memory: "24105MiB",
  });
});

it("raises the priority by its name, and sets a timeout", () => {
  expect(editsOf({ kind: "raise_priority", priority: 0 }, {})).toEqual([[["priority"], "high"]]);
  expect(editsOf({ kind: "set_timeout", timeout_s: 90.7 }, {})).toEqual([[["timeout"], 90]]);
});

it("offers nothing that the file cannot say", () => {
  expect(editsOf({ kind: "add_workers", workers: 2 }, {})).toBeUndefined();
  expect(
    editsOf({ kind: "lower_workers", workers: 2, and_then: { kind: "raise_quota" } }, {}),
  ).toBeUndefined();
  expect(editsOf(null, {})).toBeUndefined();
});
