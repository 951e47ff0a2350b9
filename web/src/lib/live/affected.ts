/** Which of what the page has asked for is not true any more after an event. */
import type { LiveEvent } from "./stream";

export type Key = readonly string[];

const DETAIL = new Set(["log", "metrics"]);
const SUBMITTED = new Set(["job.submitted", "job.forked", "job.replayed"]);

/** Query keys by prefix: ["jobs", id] stands for everything about that job. */
export function affectedBy(event: LiveEvent): Key[] {
  const noun = event.kind.split(".")[0] ?? "";
  const id = event.job_id;
  if (DETAIL.has(event.kind)) return [];
  if (noun === "worker" || noun === "fleet" || noun === "scaling") return [["workers"], ["fleet"]];
  if (id === null) return [[noun + "s"]];
  const keys: Key[] = [["jobs", id]];
  if (noun === "job") keys.push(["jobs", "list"], ["jobs", "counts"], ["studies", id]);
  if (noun === "trial") keys.push(["studies", id], ["studies", "list"]);
  if (noun === "task") keys.push(["workers"]);
  if (SUBMITTED.has(event.kind)) keys.push(["studies", "list"]);
  if (event.kind === "job.completed") keys.push(["models"], ["studies", "list"]);
  return keys;
}

/** Each key once, without those that a shorter one among them covers. */
export function merged(keys: Key[]): Key[] {
  const covers = (short: Key, long: Key) =>
    short.length <= long.length && short.every((part, at) => part === long[at]);
  return keys.filter(
    (key, at) =>
      !keys.some(
        (other, where) => where !== at && covers(other, key) && (other.length < key.length || where < at),
      ),
  );
}
