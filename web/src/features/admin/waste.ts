/** What held time was good for, in the order in which the ledger's page explains it. */
export const PARTS = ["useful", "idle", "lost", "hung", "running"] as const;
export type Part = (typeof PARTS)[number];

/** The shares of a sum; all zero where nothing was held. */
export function sharesOf(amounts: Readonly<Record<string, number>>): Record<Part, number> {
  const total = PARTS.reduce((sum, part) => sum + (amounts[part] ?? 0), 0);
  return Object.fromEntries(
    PARTS.map((part) => [part, total > 0 ? (amounts[part] ?? 0) / total : 0]),
  ) as Record<Part, number>;
}
