import type { KeyboardEvent } from "react";

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
const FOCUSABLE = "a[href], input, button";

/** Arrow up and down go from a row's link or box to that of the next row; from the table itself to its first link. */
export function moveBetweenRows(event: KeyboardEvent<HTMLElement>): void {
  const step = STEPS[event.key];
  const from = event.target as HTMLElement;
  if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  const next = from.role === "table" ? (step > 0 ? firstLink(from) : null) : neighbour(from, step);
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function firstLink(table: HTMLElement): HTMLElement | null {
  const frame = table.getBoundingClientRect();
  const links = [...table.querySelectorAll<HTMLElement>("[role=cell] a[href]")];
  return links.find((link) => link.getBoundingClientRect().top >= frame.top + 40) ?? links[0] ?? null;
}

function neighbour(from: HTMLElement, step: number): HTMLElement | null {
  const row = from.closest<HTMLElement>("[role=row]");
  const table = row?.closest<HTMLElement>("[role=table]");
  if (!row || !table) return null;
  const place = [...row.querySelectorAll(FOCUSABLE)].indexOf(from);
  const index = Number(row.getAttribute("aria-rowindex")) + step;
  const next = table.querySelector(`[role=row][aria-rowindex="${index}"]`);
  return next?.querySelectorAll<HTMLElement>(FOCUSABLE)[place] ?? null;
}
