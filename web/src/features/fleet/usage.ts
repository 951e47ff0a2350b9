import type { Schemas } from "@/lib/api";

export type WorkerUsage = Schemas["WorkerUsage"];
export type FleetUsage = Schemas["FleetUsage"];

export interface Series {
  label: string;
  values: (number | null)[];
}

interface Point {
  at: string;
}

/** Times in seconds and the points; a step of which nothing is known stands between as a gap. */
export function withGaps<P extends Point>(
  points: readonly P[],
  stepS: number,
): { x: number[]; at: (P | null)[] } {
  const x: number[] = [];
  const at: (P | null)[] = [];
  for (const point of points) {
    const seconds = Date.parse(point.at) / 1000;
    const last = x.at(-1);
    if (last !== undefined && seconds - last > 1.5 * stepS) {
      x.push(last + stepS);
      at.push(null);
    }
    x.push(seconds);
    at.push(point);
  }
  return { x, at };
}

/** Numbers of the GPUs that any of the points has. */
export function gpusOf(usage: WorkerUsage): number[] {
  const found = new Set(usage.points.flatMap((point) => point.gpus.map((gpu) => gpu.gpu)));
  return [...found].sort((one, other) => one - other);
}
