/** A worker as the page shows it: what the API leaves open is read with care. */
import type { Schemas } from "@/lib/api";

export type Worker = Schemas["WorkerRead"];
export type Task = Schemas["RunningTask"];

export interface Gpu {
  name: string;
  memory: number | null;
  utilisation: number | null;
  used: number | null;
}

export interface Load {
  /** Percents, 0 to 100; null: not known. */
  cpu: number | null;
  memory: number | null;
  disk: number | null;
  diskFree: number | null;
  lowDisk: boolean;
  gpus: Gpu[];
}

export interface Finding {
  check: string;
  status: string;
  sentence: string;
}

export interface Health {
  machine: string | null;
  status: string;
  checkedAt: string | null;
  findings: Finding[];
  skipped: string[];
  strikes: number;
  quarantine: { since: string; by: string; reason: string; nextCheckAt: string | null } | null;
}

type Loose = Record<string, unknown>;

function record(value: unknown): Loose {
  return typeof value === "object" && value !== null ? (value as Loose) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function loadOf(worker: Pick<Worker, "stats">): Load {
  const { stats } = worker;
  const [free, total] = [number(stats.disk_free_bytes), number(stats.disk_total_bytes)];
  return {
    cpu: number(stats.cpu_percent),
    memory: number(stats.memory_percent),
    disk: free !== null && total ? 100 * (1 - free / total) : null,
    diskFree: free,
    lowDisk: stats.low_disk === true,
    gpus: list(stats.gpus)
      .map(record)
      .map((gpu) => ({
        name: text(gpu.name),
        memory: number(gpu.memory_bytes),
        utilisation: number(gpu.utilisation_percent),
        used: number(gpu.memory_used_bytes),
      })),
  };
}

export function healthOf(worker: Pick<Worker, "health">): Health | null {
  if (worker.health === null) return null;
  const { health } = worker;
  const held = health.quarantine ? record(health.quarantine) : null;
  return {
    machine: text(health.machine) || null,
    status: text(health.status),
    checkedAt: text(health.checked_at) || null,
    findings: list(health.findings)
      .map(record)
      .map((one) => ({ check: text(one.check), status: text(one.status), sentence: text(one.sentence) })),
    skipped: list(health.skipped).map(text),
    strikes: number(health.strikes) ?? 0,
    quarantine: held && {
      since: text(held.since),
      by: text(held.by),
      reason: text(held.reason),
      nextCheckAt: text(held.next_check_at) || null,
    },
  };
}

/** Why it is not simply online and well: what is held against it, and what a check has found. */
export function evidenceOf(worker: Worker): string[] {
  const health = healthOf(worker);
  if (health === null) return [];
  const found = health.findings.filter((one) => one.status !== "ok").map((one) => one.sentence);
  const reason = health.quarantine?.reason;
  return reason && !found.includes(reason) ? [reason, ...found] : found;
}
