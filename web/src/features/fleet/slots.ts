/** What stands in the squares of a worker: one for each task that it runs at a time. */
import type { Task, Worker } from "./worker";

export type Slot =
  | { kind: "task"; task: Task }
  /** In use, by a job that the viewer may not see. */
  | { kind: "taken" }
  | { kind: "free" };

export interface Row {
  slots: Slot[];
  /** How many more there are than are drawn. */
  more: number;
}

/** Tasks by job and rank, then what others use, then what is free; at most `most` of them. */
export function slotsOf(worker: Pick<Worker, "slots" | "busy" | "tasks">, most: number): Row {
  const tasks = [...worker.tasks].sort(
    (one, other) => one.job_id.localeCompare(other.job_id) || one.rank - other.rank,
  );
  const taken = Math.max(0, worker.busy - tasks.length);
  const all = Math.max(worker.slots, tasks.length + taken);
  const drawn = Math.min(all, most);
  const slots = Array.from({ length: drawn }, (_, at): Slot => {
    const task = tasks[at];
    if (task) return { kind: "task", task };
    return at < tasks.length + taken ? { kind: "taken" } : { kind: "free" };
  });
  return { slots, more: all - drawn };
}

export const PATTERNS = 4;

/** The place of a job among colours and patterns: always the same, also on another day and for other people. */
export function lookOf(job: string, colors: number): { color: number; pattern: number } {
  let hash = 2166136261;
  for (const letter of job) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16777619) >>> 0;
  return { color: hash % colors, pattern: Math.floor(hash / colors) % PATTERNS };
}

/** Two letters of a name, to tell squares apart without their colours: "digits-mlp" is "dm", "study" is "st". */
export function initials(name: string): string {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const [first = "", second = ""] = words;
  return second ? `${[...first][0]}${[...second][0]}` : [...first].slice(0, 2).join("");
}
