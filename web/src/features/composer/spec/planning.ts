/** What the server proposes so that a job starts, as edits of its file. */
import type { Edit } from "./document";
import { at, isMapping, type Job, type Mapping } from "./spec";

const PRIORITIES = ["high", "normal", "low"];

/** Undefined if it is nothing that the job's file can say: a worker to add, a quota to raise. */
export function editsOf(change: Mapping | null | undefined, job: Job): Edit[] | undefined {
  if (!change) return undefined;
  const own = ownEdits(change, job);
  if (own === undefined || !isMapping(change.and_then)) return own;
  const more = editsOf(change.and_then, job);
  return more && [...own, ...more];
}

function ownEdits(change: Mapping, job: Job): Edit[] | undefined {
  const { workers, demand, timeout_s: timeout, priority } = change;
  if (change.kind === "lower_workers" && typeof workers === "number") {
    // An elastic job keeps what it would like to have: only the least that it needs is lowered.
    const least = at(job, ["resources", "min_workers"]);
    return [[["resources", typeof least === "number" ? "min_workers" : "workers"], workers]];
  }
  if (change.kind === "lower_demand" && isMapping(demand)) return lessEach(demand);
  if (change.kind === "set_timeout" && typeof timeout === "number")
    return [[["timeout"], Math.floor(timeout)]];
  if (change.kind === "raise_priority" && typeof priority === "number") {
    return [[["priority"], PRIORITIES[priority]]];
  }
  return undefined;
}

function lessEach({ cpus, gpus, memory_bytes: memory }: Mapping): Edit[] {
  const edits: Edit[] = [];
  if (typeof cpus === "number") edits.push([["resources", "cpus"], cpus === 1 ? undefined : cpus]);
  if (typeof gpus === "number") edits.push([["resources", "gpus"], gpus || undefined]);
  if (typeof memory === "number") edits.push([["resources", "memory"], memory ? sizeOf(memory) : undefined]);
  return edits;
}

function sizeOf(bytes: number): number | string {
  const whole = bytes / 1024 ** 2;
  return Number.isInteger(whole) ? `${whole}MiB` : bytes;
}
