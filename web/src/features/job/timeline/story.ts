/** The entries of a job's log, told as a story: what happened, as the key of a sentence and what stands in it. */
import { list, loose, num, text } from "../shape";

export interface Entry {
  id: number;
  at: string;
  kind: string;
  data: Record<string, unknown>;
}

export type Tone = "good" | "bad" | "note";

export interface Told {
  id: number;
  at: string;
  /** Below `story` in the texts. */
  key: string;
  values: Record<string, string | number>;
  tone: Tone;
}

/** What is told of; what a task measures and prints is shown elsewhere. */
// prettier-ignore
export const KINDS = [
  "job.submitted", "job.forked", "job.replayed", "job.started", "job.requeued", "job.retried", "job.resumed", "job.paused",
  "job.preempted", "job.completed", "job.failed", "job.cancelled", "job.cancel_requested", "job.pause_requested",
  "job.resume_requested", "job.retry_requested", "task.started", "task.finished", "hang.found", "environment",
  "checkpoint", "checkpoint_failed", "export_failed", "provenance", "profile", "trial.running", "trial.completed",
  "trial.failed", "trial.pruned", "trial.cancelled",
];

interface So {
  /** Of the newest checkpoint: where the next attempt goes on. */
  step: number | null;
  told: Told[];
}

type Tell = (entry: Entry, so: So) => [key: string, values: Told["values"], tone?: Tone] | null;

const reason = (entry: Entry) => text(entry.data.reason) || text(entry.data.message);
const whole = (value: unknown) => num(value) ?? 0;
const where = ({ data }: Entry) => ({
  rank: whole(data.rank),
  worker: text(data.worker_id),
  attempt: whole(data.attempt),
});
const plainly =
  (key: string, tone: Tone = "note"): Tell =>
  (entry) => [key, { reason: reason(entry), attempt: whole(entry.data.attempt) }, tone];

const TELL: Record<string, Tell> = {
  "job.submitted": ({ data }) => ["submitted", { workers: whole(data.workers) }],
  "job.forked": ({ data }) => ["forked", { job: text(data.job_id), step: whole(data.step) }],
  "job.replayed": ({ data }) => ["replayed", { job: text(data.job_id) }],
  "job.started": ({ data }, so) => {
    const values = { attempt: whole(data.attempt), workers: whole(data.workers), step: so.step ?? 0 };
    return [so.step !== null ? "startedFrom" : values.attempt > 1 ? "startedAgain" : "started", values];
  },
  "job.requeued": (entry) => {
    const lost = num(entry.data.steps_lost);
    const values = { reason: reason(entry), attempt: whole(entry.data.attempt), lost: lost ?? 0 };
    const delay = Math.round(whole(entry.data.delay_s) * 10) / 10;
    if (reason(entry) === "retried on request") return ["retried", values];
    return [lost ? "requeuedLost" : "requeued", { ...values, delay }, "bad"];
  },
  "job.retried": plainly("retried"),
  "job.resumed": plainly("resumed"),
  "job.paused": (entry) => [reason(entry) ? "pausedFor" : "paused", { reason: reason(entry) }],
  "job.preempted": plainly("preempted", "bad"),
  "job.completed": plainly("completed", "good"),
  "job.failed": plainly("failed", "bad"),
  "job.cancelled": plainly("cancelled"),
  "job.cancel_requested": plainly("cancelRequested"),
  "job.pause_requested": plainly("pauseRequested"),
  "job.resume_requested": plainly("resumeRequested"),
  "job.retry_requested": plainly("retryRequested"),
  "task.started": (entry) => ["taskStarted", where(entry)],
  "task.finished": (entry) => {
    const values = { ...where(entry), message: text(entry.data.message), status: text(entry.data.status) };
    if (values.status === "succeeded") return ["taskSucceeded", values];
    if (values.status === "stopped") return ["taskStopped", values];
    if (entry.data.class === "lost_worker") return ["workerLost", values, "bad"];
    return ["taskFailed", values, "bad"];
  },
  "hang.found": ({ data }) => {
    const evidence = loose(data.evidence);
    const values = {
      message: text(data.message),
      line: text(evidence.line),
      ranks: list(evidence.culprits).join(", "),
    };
    return [values.line ? "hangAt" : "hang", values, "bad"];
  },
  environment: (entry) =>
    num(entry.data.seconds) === null
      ? null
      : ["environment", { ...where(entry), seconds: Math.round(whole(entry.data.seconds) * 10) / 10 }],
  checkpoint: ({ data }, so) => {
    so.step = num(data.step);
    const before = so.told.at(-1);
    const count = before?.key === "checkpoint" ? whole(before.values.count) + 1 : 1;
    // Many in a row are one sentence.
    if (count > 1) so.told.pop();
    return ["checkpoint", { step: whole(data.step), count }];
  },
  checkpoint_failed: plainly("checkpointFailed", "bad"),
  export_failed: plainly("exportFailed", "bad"),
  provenance: () => ["provenance", {}],
  profile: (entry) => ["profile", where(entry)],
};

/** In the order of the log. */
export function story(entries: readonly Entry[]): Told[] {
  const so: So = { step: null, told: [] };
  for (const entry of entries) {
    const tell = TELL[entry.kind];
    const found = tell ? tell(entry, so) : other(entry);
    if (found === null) continue;
    const [key, values, tone = "note"] = found;
    so.told.push({ id: entry.id, at: entry.at, key, values, tone });
  }
  return so.told;
}

function other({ kind, data }: Entry): ReturnType<Tell> {
  const [noun, what] = kind.split(".");
  if (noun === "trial") return ["trial", { number: whole(data.number ?? data.trial), what: what ?? "" }];
  return ["other", { kind }];
}
