import { healthOf, type Worker } from "./worker";

export interface Totals {
  workers: number;
  /** By state. */
  states: Record<Worker["state"], number>;
  /** Of those that take tasks or still run some. */
  slots: number;
  busy: number;
  /** Of machines: what several agents on one of them see is there once. */
  machines: number;
  cpus: number;
  memory: number;
  gpus: number;
}

/** Lost workers are counted, but what they had is not there any more. */
export function totalsOf(workers: readonly Worker[]): Totals {
  const totals: Totals = {
    workers: 0,
    states: { online: 0, draining: 0, quarantined: 0, lost: 0 },
    slots: 0,
    busy: 0,
    machines: 0,
    cpus: 0,
    memory: 0,
    gpus: 0,
  };
  const machines = new Set<string>();
  for (const worker of workers) {
    totals.states[worker.state] += 1;
    if (worker.state === "lost") continue;
    const machine = healthOf(worker)?.machine ?? worker.worker_id;
    const known = machines.has(machine);
    machines.add(machine);
    const { cpus, memory_bytes: memory, gpus } = worker.resources;
    totals.workers += 1;
    totals.slots += worker.slots;
    totals.busy += worker.busy;
    if (known) continue;
    totals.machines += 1;
    totals.cpus += typeof cpus === "number" ? cpus : 0;
    totals.memory += typeof memory === "number" ? memory : 0;
    totals.gpus += Array.isArray(gpus) ? gpus.length : 0;
  }
  return totals;
}

/** By a part of the name or the id, and by state; lost ones come last. */
export function chosenOf(workers: readonly Worker[], text: string, state: string): Worker[] {
  const wanted = text.trim().toLowerCase();
  const fits = (worker: Worker) =>
    (state === "" || worker.state === state) &&
    (wanted === "" ||
      worker.name.toLowerCase().includes(wanted) ||
      worker.worker_id.toLowerCase().includes(wanted));
  const chosen = workers.filter(fits);
  return [...chosen.filter((one) => one.state !== "lost"), ...chosen.filter((one) => one.state === "lost")];
}
