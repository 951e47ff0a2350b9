/** Months as the ledger and the service levels count them: by UTC. */
export function monthOf(now: Date): string {
  return now.toISOString().slice(0, 7);
}

export function moved(month: string, by: number): string {
  const [year, number] = month.split("-").map(Number);
  return monthOf(new Date(Date.UTC(year ?? 1970, (number ?? 1) - 1 + by, 1)));
}

/** From its begin to that of the next. */
export function spanOf(month: string): { from: string; to: string } {
  return { from: `${month}-01T00:00:00Z`, to: `${moved(month, 1)}-01T00:00:00Z` };
}

/** What the address says, if it is a month that has begun. */
export function chosenMonth(text: string | null, now: Date): string {
  const current = monthOf(now);
  return text !== null && /^\d{4}-(0[1-9]|1[0-2])$/.test(text) && text <= current ? text : current;
}
