import type { Schemas } from "@/lib/api";

export type Part = Schemas["Page_LineageRead_"]["items"][number];

export interface Change {
  name: string;
  before: unknown;
  after: unknown;
}

export interface Generation {
  number: number;
  /** By member; null: not there yet. */
  members: (Part | null)[];
}

/** A row for each generation, a place for each member; of a part that was run again the last one. */
export function generationsOf(parts: readonly Part[]): Generation[] {
  const size = parts.reduce((most, part) => Math.max(most, (part.member ?? 0) + 1), 0);
  const rows = new Map<number, (Part | null)[]>();
  for (const part of parts) {
    const at = part.generation ?? 0;
    const members = rows.get(at) ?? Array.from({ length: size }, () => null);
    members[part.member ?? 0] = part;
    rows.set(at, members);
  }
  return [...rows.entries()]
    .sort(([one], [other]) => one - other)
    .map(([number, members]) => ({ number, members }));
}

/** The member from which a part was copied; null when it goes on from its own place, or began anew. */
export function copiedFrom(part: Part, parts: ReadonlyMap<number, Part>): Part | null {
  const parent = part.parent == null ? undefined : parts.get(part.parent);
  return parent && parent.member !== part.member ? parent : null;
}

export function changesOf(part: Part): Change[] {
  return Object.entries(part.changes).map(([name, pair]) => {
    const [before, after] = Array.isArray(pair) ? (pair as unknown[]) : [undefined, pair];
    return { name, before, after };
  });
}
