/** Places the nodes of a graph in layers from left to right, so that edges go one way wherever they can. */
export interface Placed {
  layer: number;
  row: number;
}

interface Edge {
  from: string;
  to: string;
}

const SWEEPS = 4;

/** Each node one layer behind the last of what leads to it; those of a circle where it was cut open. */
export function layersOf(ids: readonly string[], edges: readonly Edge[]): Map<string, number> {
  const known = new Set(ids);
  const out = new Map<string, string[]>(ids.map((id) => [id, []]));
  const waiting = new Map<string, number>(ids.map((id) => [id, 0]));
  for (const { from, to } of edges) {
    if (!known.has(from) || !known.has(to) || from === to) continue;
    out.get(from)!.push(to);
    waiting.set(to, waiting.get(to)! + 1);
  }
  const layer = new Map<string, number>();
  const ready = ids.filter((id) => waiting.get(id) === 0);
  for (const id of ready) layer.set(id, 0);
  const left = new Set(ids.filter((id) => waiting.get(id) !== 0));
  while (ready.length || left.size) {
    const id = ready.pop() ?? [...left][0]!;
    left.delete(id);
    const next = (layer.get(id) ?? 0) + 1;
    layer.set(id, next - 1);
    for (const to of out.get(id)!) {
      if (!left.has(to)) continue;
      layer.set(to, Math.max(layer.get(to) ?? 0, next));
      waiting.set(to, waiting.get(to)! - 1);
      if (waiting.get(to) === 0) {
        left.delete(to);
        ready.push(to);
      }
    }
  }
  return layer;
}

/** Layers with rows in them: neighbours stand near each other (a few sweeps of barycentres, Sugiyama 1981). */
export function layered(ids: readonly string[], edges: readonly Edge[]): Map<string, Placed> {
  const layer = layersOf(ids, edges);
  const depth = Math.max(0, ...layer.values()) + 1;
  const columns: string[][] = Array.from({ length: depth }, () => []);
  for (const id of ids) columns[layer.get(id)!]!.push(id);
  const near = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { from, to } of edges) {
    if (!near.has(from) || !near.has(to)) continue;
    near.get(from)!.push(to);
    near.get(to)!.push(from);
  }
  const row = new Map<string, number>();
  const number = (column: string[]) => column.forEach((id, at) => row.set(id, at - (column.length - 1) / 2));
  columns.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const middle = new Map(
        column.map((id) => {
          const rows = near.get(id)!.map((other) => row.get(other)!);
          return [id, rows.length ? rows.reduce((sum, one) => sum + one, 0) / rows.length : row.get(id)!];
        }),
      );
      column.sort((a, b) => middle.get(a)! - middle.get(b)!);
      number(column);
    }
  }
  return new Map(ids.map((id) => [id, { layer: layer.get(id)!, row: row.get(id)! }]));
}
