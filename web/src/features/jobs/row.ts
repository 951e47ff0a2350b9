/** Of a job only what its row shows: ten thousand whole job files would fill the memory. */
import type { Schemas } from "@/lib/api";
import { between } from "@/lib/format";
import { mainMetric } from "@/lib/metrics";
import type { Status } from "./filters";

export interface Row {
  id: string;
  name: string;
  status: Status;
  progress: number;
  kind: string;
  algorithm: string | null;
  dataset: string | null;
  metric: { name: string; value: number } | null;
  workers: number;
  priority: string;
  workspace: string;
  created: string;
  started: string | null;
  finished: string | null;
  reason: string | null;
  stopping: boolean;
}

export function rowOf(job: Schemas["JobRead"]): Row {
  const { spec } = job;
  const own = typeof spec.entrypoint === "string" ? spec.entrypoint : null;
  return {
    id: job.job_id,
    name: job.name,
    status: job.status,
    progress: job.progress,
    kind: job.kind,
    algorithm: typeof spec.algorithm === "string" ? spec.algorithm : own,
    dataset: job.dataset ? `${job.dataset.name} v${job.dataset.version}` : null,
    metric: mainMetric(job),
    workers: job.workers,
    priority: job.priority,
    workspace: job.workspace,
    created: job.created_at,
    started: job.started_at,
    finished: job.finished_at,
    reason: job.error?.message ?? job.reason,
    stopping: job.cancel_requested,
  };
}

/** Seconds since the job began, up to its end; null before. */
export function ranFor(row: Row, now: number): number | null {
  return between(row.started, row.finished, now);
}

export const ACTIONS = ["cancel", "pause", "resume", "retry", "delete"] as const;
export type Action = (typeof ACTIONS)[number];

const ALLOWED: Record<Action, readonly Status[]> = {
  cancel: ["queued", "running", "paused"],
  pause: ["queued", "running"],
  resume: ["paused"],
  retry: ["failed", "cancelled"],
  delete: ["completed", "failed", "cancelled"],
};

/** Those of the rows that the action can be done to, by what they are and what the caller may. */
export function doable(action: Action, rows: readonly Row[], may: (workspace: string) => boolean): Row[] {
  return rows.filter(
    (row) =>
      ALLOWED[action].includes(row.status) &&
      may(row.workspace) &&
      !(row.stopping && (action === "cancel" || action === "pause")),
  );
}
