/** Which trials are chosen on the axes: all that pass every brush. */
import { type Axis, coordinateAt, position } from "./axes";
import type { Trial } from "./values";

/** Between two coordinates, both included; of a choice, these of its values. */
export type Brush = { from: number; to: number } | { only: number[] };
export type Brushes = Readonly<Record<string, Brush>>;

export function within(brush: Brush, coordinate: number): boolean {
  if ("only" in brush) return brush.only.includes(coordinate);
  return coordinate >= brush.from && coordinate <= brush.to;
}

export function passes(trial: Trial, axes: readonly Axis[], brushes: Brushes): boolean {
  return axes.every((axis) => {
    const brush = brushes[axis.id];
    if (brush === undefined) return true;
    const coordinate = axis.read(trial);
    return coordinate !== null && within(brush, coordinate);
  });
}

/** What was drawn with the mouse from one place to another; null where that is nothing. */
export function brushBetween(axis: Axis, one: number, other: number): Brush | null {
  const low = Math.max(0, Math.min(one, other));
  const high = Math.min(1, Math.max(one, other));
  if (high < low) return null;
  if (axis.categories) {
    const only = axis.categories
      .map((_, at) => at)
      .filter((at) => position(axis, at) >= low && position(axis, at) <= high);
    return only.length ? { only } : null;
  }
  return { from: coordinateAt(axis, low), to: coordinateAt(axis, high) };
}

/** Stretches of the axis to mark, as places from 0 to 1. */
export function marksOf(axis: Axis, brush: Brush | undefined): [number, number][] {
  if (brush === undefined) return [];
  if ("only" in brush) {
    const half = 0.4 / Math.max(1, axis.categories?.length ?? 1);
    return brush.only.map((at) => [position(axis, at) - half, position(axis, at) + half]);
  }
  const clip = (place: number) => (Number.isNaN(place) ? 0 : Math.min(1, Math.max(0, place)));
  return [[clip(position(axis, brush.from)), clip(position(axis, brush.to))]];
}

/** With one brush more, another one, or (null) one less. */
export function brushed(brushes: Brushes, id: string, brush: Brush | null): Brushes {
  const next = { ...brushes };
  if (brush === null) delete next[id];
  else next[id] = brush;
  return next;
}

/** From what stands in the two number fields; null: both are empty or no numbers. */
export function brushFromFields(axis: Axis, from: string, to: string): Brush | null {
  const low = from.trim() === "" ? axis.low : Number(from);
  const high = to.trim() === "" ? axis.high : Number(to);
  if (from.trim() === "" && to.trim() === "") return null;
  if (Number.isNaN(low) || Number.isNaN(high)) return null;
  return { from: Math.min(low, high), to: Math.max(low, high) };
}
