import { figure } from "@/lib/format";

export interface Binned {
  /** One more than counts, ascending; texts are instants in UTC: "2024-01-31 00:00:00". */
  edges: readonly (number | string)[];
  counts: readonly number[];
}

/** Where an edge lies, as a number. */
export function placeOf(edge: number | string): number {
  return typeof edge === "number" ? edge : Date.parse(`${edge.replace(" ", "T")}Z`);
}

export function edgeText(edge: number | string): string {
  return typeof edge === "number" ? figure(edge) : edge.replace(/ 00:00:00(\.0+)?$/, "").replace(/\.0+$/, "");
}
