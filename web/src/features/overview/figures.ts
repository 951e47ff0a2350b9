/** What the overview works out of what the platform answers. */
import type { Schemas } from "@/lib/api";

type Worker = Schemas["WorkerRead"];
type Amounts = Schemas["AmountsRead"];

export interface Slots {
  online: number;
  workers: number;
  busy: number;
  slots: number;
}

/** Slots count where a worker is there to use them. */
export function slotsOf(workers: readonly Pick<Worker, "state" | "slots" | "busy">[]): Slots {
  const online = workers.filter((worker) => worker.state === "online" || worker.state === "draining");
  const sum = (pick: (worker: Pick<Worker, "slots" | "busy">) => number) =>
    online.reduce((all, worker) => all + pick(worker), 0);
  return {
    online: online.length,
    workers: workers.length,
    busy: sum((worker) => worker.busy),
    slots: sum((worker) => worker.slots),
  };
}

/** Of the time that was held and has ended: the share that came to nothing; null as long as there is none. */
export function wasteOf(held: Amounts["held_s"]): number | null {
  const wasted = (held.idle ?? 0) + (held.lost ?? 0) + (held.hung ?? 0);
  const ended = wasted + (held.useful ?? 0);
  return ended > 0 ? wasted / ended : null;
}

export interface Window {
  from: string;
  to: string;
  step_s: number;
}

/** A line in a box of 100 by 100, broken where nothing is known; "" without points. */
export function pathOf(points: readonly { at: string; share: number }[], window: Window): string {
  const begin = Date.parse(window.from);
  const length = Math.max(1, Date.parse(window.to) - begin);
  let before = -Infinity;
  return points
    .map(({ at, share }) => {
      const moment = Date.parse(at);
      const pen = moment - before > window.step_s * 1500 ? "M" : "L";
      before = moment;
      const x = Math.min(100, Math.max(0, ((moment - begin) / length) * 100));
      const y = 100 - Math.min(100, Math.max(0, share * 100));
      return `${pen}${x.toFixed(2)} ${y.toFixed(2)}`;
    })
    .join(" ");
}

export function mean(values: readonly number[]): number | null {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}
