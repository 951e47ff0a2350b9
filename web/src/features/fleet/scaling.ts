/** What the autoscaler says, read with care: its parts are open in the API's document. */
import type { Schemas } from "@/lib/api";

export type Scaling = Schemas["Scaling"];
export type Decision = Schemas["Decision"];

export interface Limits {
  min: number;
  max: number;
  up: number | null;
  down: number | null;
  queue: number | null;
  coolDown: number | null;
  by: string;
  schedule: string[];
}

export interface Signal {
  desired: number | null;
  workers: number | null;
  load: number | null;
  queue: number | null;
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function limitsOf(settings: Record<string, unknown>): Limits {
  const schedule = Array.isArray(settings.schedule) ? (settings.schedule as unknown[]) : [];
  return {
    min: number(settings.min) ?? 0,
    max: number(settings.max) ?? 1024,
    up: number(settings.scale_up_threshold),
    down: number(settings.scale_down_threshold),
    queue: number(settings.max_queue),
    coolDown: number(settings.cool_down_s),
    by: typeof settings.carried_out_by === "string" ? settings.carried_out_by : "",
    schedule: schedule.map(windowText),
  };
}

/** "min 4, days mon-fri, from 08:00, to 18:00". */
function windowText(window: unknown): string {
  if (typeof window !== "object" || window === null) return String(window);
  return Object.entries(window as Record<string, unknown>)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

export function signalOf(decision: Decision): Signal {
  const { signal } = decision;
  return {
    desired: number(signal.desired),
    workers: number(signal.workers),
    load: number(signal.load),
    queue: number(signal.queue),
  };
}

/** The latest first, whatever the order in which they came. */
export function latestFirst(decisions: readonly Decision[]): Decision[] {
  return [...decisions].sort((one, other) => other.at.localeCompare(one.at));
}
