import { expect, test } from "vitest";
import { layered, layersOf } from "./layers";

const edge = (from: string, to: string) => ({ from, to });

test("each node stands behind all that leads to it", () => {
  const edges = [edge("a", "b"), edge("b", "c"), edge("a", "c"), edge("x", "c")];
  const layer = layersOf(["c", "b", "a", "x"], edges);
  expect(Object.fromEntries(layer)).toEqual({ a: 0, x: 0, b: 1, c: 2 });
});

test("a circle ends, and every node has a place", () => {
  const ids = ["a", "b", "c", "d"];
  const placed = layered(ids, [
    edge("a", "b"),
    edge("b", "c"),
    edge("c", "a"),
    edge("c", "d"),
    edge("d", "d"),
  ]);
  expect([...placed.keys()]).toEqual(ids);
  expect(placed.get("d")!.layer).toBeGreaterThan(placed.get("c")!.layer);
});

test("no two nodes stand in one place", () => {
  const ids = Array.from({ length: 60 }, (_, at) => `n${at}`);
  const edges = ids.flatMap((id, at) => [edge(`n${Math.floor(at / 3)}`, id), edge(`n${at % 7}`, id)]);
  const places = [...layered(ids, edges).values()].map(({ layer, row }) => `${layer}/${row}`);
  expect(new Set(places).size).toBe(ids.length);
});

test("neighbours stand side by side, so that edges do not cross", () => {
  const placed = layered(["d1", "d2", "j2", "j1"], [edge("d1", "j1"), edge("d2", "j2")]);
  const below = (a: string, b: string) => placed.get(a)!.row < placed.get(b)!.row;
  expect(below("d1", "d2")).toBe(below("j1", "j2"));
});

test("edges of nodes that are not there are left out", () => {
  expect(Object.fromEntries(layersOf(["a"], [edge("gone", "a"), edge("a", "gone")]))).toEqual({ a: 0 });
});
