import type { LiveEvent } from "@/lib/live";

const MOST = 100;
const LONGEST = 300;

/** Whether an event is about this worker: what happened to it, or to a task on it. */
export function isAbout(event: LiveEvent, worker: string): boolean {
  const { worker_id: task, worker: one, workers: several } = event.data;
  return task === worker || one === worker || (Array.isArray(several) && several.includes(worker));
}

/** The latest first, and never more than a hundred. */
export function withLatest(events: readonly LiveEvent[], next: LiveEvent): LiveEvent[] {
  return [next, ...events].slice(0, MOST);
}

/** What an event says besides its kind, in a line. */
export function detailOf(event: LiveEvent): string {
  const { reason, why, rank, attempt } = event.data;
  const parts = [
    typeof rank === "number" ? `rank ${rank}` : "",
    typeof attempt === "number" ? `attempt ${attempt}` : "",
    typeof reason === "string" ? reason : "",
    typeof why === "string" ? why : "",
  ];
  return parts.filter(Boolean).join(", ").slice(0, LONGEST);
}
