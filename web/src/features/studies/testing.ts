/** Trials for tests. */
import type { Trial } from "./values";

export function trial(number: number, more: Partial<Trial> = {}): Trial {
  const value = more.value ?? null;
  return {
    number,
    job_id: `j-${number}`,
    state: "completed",
    params: {},
    value,
    values: value === null ? null : [value],
    reason: null,
    created_at: "2026-01-01T00:00:00Z",
    finished_at: `2026-01-01T00:00:${String(10 + number).padStart(2, "0")}Z`,
    run_again: null,
    ...more,
  };
}
