import { expect, test } from "vitest";
import type { LiveEvent } from "@/lib/live";
import { isAbout, withLatest } from "./events";
import { latestFirst, limitsOf } from "./scaling";
import { initials, lookOf, PATTERNS, slotsOf } from "./slots";
import { chosenOf, totalsOf } from "./totals";
import { withGaps } from "./usage";
import { evidenceOf, healthOf, loadOf, type Task, type Worker } from "./worker";

function worker(more: Partial<Worker> = {}): Worker {
  return {
    worker_id: "w-1",
    name: "one",
    state: "online",
    slots: 4,
    busy: 0,
    resources: { cpus: 8, memory_bytes: 1000, gpus: [] },
    stats: {},
    health: null,
    tasks: [],
    joined_at: "2026-01-01T00:00:00Z",
    seen_at: "2026-01-01T00:00:00Z",
    ...more,
  };
}
const task = (job: string, rank: number): Task => ({ job_id: job, rank, attempt: 1, status: "running" });
const kinds = (one: Worker, most = 64) => slotsOf(one, most).slots.map((slot) => slot.kind);

test("slots: tasks by job and rank, then what is hidden, then what is free", () => {
  const one = worker({ busy: 3, tasks: [task("j-b", 0), task("j-a", 1)] });
  expect(kinds(one)).toEqual(["task", "task", "taken", "free"]);
  const [first] = slotsOf(one, 64).slots;
  expect(first).toMatchObject({ kind: "task", task: { job_id: "j-a" } });
});

test("slots: more tasks than slots are all shown, and no more than asked for", () => {
  const many = worker({ slots: 1, busy: 3, tasks: [task("a", 0), task("a", 1), task("a", 2)] });
  expect(kinds(many)).toEqual(["task", "task", "task"]);
  expect(slotsOf(worker({ slots: 200 }), 16)).toMatchObject({ more: 184 });
  expect(kinds(worker({ slots: 0 }))).toEqual([]);
});

test("a job looks the same everywhere, and a hundred jobs look different enough", () => {
  expect(lookOf("j-1m80ht2rd9ga6t9r", 8)).toEqual(lookOf("j-1m80ht2rd9ga6t9r", 8));
  const looks = Array.from({ length: 100 }, (_, at) => lookOf(`j-${at}`, 8));
  expect(looks.every((one) => one.color < 8 && one.pattern < PATTERNS)).toBe(true);
  expect(new Set(looks.map((one) => `${one.color} ${one.pattern}`)).size).toBeGreaterThan(24);
});

test.each([
  ["digits-mlp", "dm"],
  ["study", "st"],
  ["Übung_2", "Ü2"],
  ["--", ""],
])("letters of %s", (name, letters) => expect(initials(name)).toBe(letters));

test("totals: a machine with two agents has its CPUs once; a lost worker has none", () => {
  const health = { machine: "m", status: "ok", findings: [], skipped: [], quarantine: null, strikes: 0 };
  const totals = totalsOf([
    worker({ health, busy: 1 }),
    worker({ health }),
    worker({ state: "draining", resources: { cpus: 2, memory_bytes: null, gpus: [{}, {}] } }),
    worker({ state: "lost" }),
  ]);
  expect(totals).toMatchObject({ workers: 3, machines: 2, slots: 12, busy: 1, cpus: 10, gpus: 2 });
  expect(totals.states).toEqual({ online: 2, draining: 1, quarantined: 0, lost: 1 });
});

test("looking for a name or a state; lost workers last", () => {
  const fleet = [
    worker({ name: "GPU-1", state: "lost" }),
    worker({ name: "gpu-2" }),
    worker({ name: "cpu-1", worker_id: "w-gpu" }),
    worker({ name: "other" }),
  ];
  expect(chosenOf(fleet, " gpu", "").map((one) => one.name)).toEqual(["gpu-2", "cpu-1", "GPU-1"]);
  expect(chosenOf(fleet, "", "lost")).toHaveLength(1);
});

test("loads: what is missing or is no number is not known", () => {
  expect(loadOf(worker())).toMatchObject({ cpu: null, disk: null, gpus: [] });
  const stats = {
    cpu_percent: 12.5,
    memory_percent: "much",
    disk_free_bytes: 25,
    disk_total_bytes: 100,
    gpus: [{ name: "H200", utilisation_percent: 50 }],
  };
  const load = loadOf(worker({ stats }));
  expect(load).toMatchObject({ cpu: 12.5, memory: null, disk: 75 });
  expect(load.gpus[0]).toMatchObject({ name: "H200", utilisation: 50, used: null });
});

test("evidence: why it is held, and each finding that is not ok, once", () => {
  const finding = { check: "disk", status: "failed", sentence: "2% of its disk is free" };
  const health = {
    machine: "m",
    status: "failed",
    checked_at: null,
    findings: [finding, { check: "clock", status: "ok", sentence: "its clock is right" }],
    skipped: [],
    strikes: 1,
    quarantine: {
      since: "2026-01-01T00:00:00Z",
      by: "check",
      reason: "2% of its disk is free",
      next_check_at: null,
    },
  };
  expect(evidenceOf(worker({ health }))).toEqual(["2% of its disk is free"]);
  expect(healthOf(worker({ health }))?.quarantine?.by).toBe("check");
  expect(evidenceOf(worker())).toEqual([]);
});

test("usage: a step of which nothing is known is a gap", () => {
  const points = ["00:00:00", "00:00:30", "00:02:00"].map((at) => ({ at: `2026-01-01T${at}Z` }));
  const { x, at } = withGaps(points, 30);
  expect(at.map((one) => one !== null)).toEqual([true, true, false, true]);
  expect(x.map((one) => one - x[0]!)).toEqual([0, 30, 60, 120]);
});

test("limits of the autoscaler, also without them; decisions by time", () => {
  expect(limitsOf({})).toMatchObject({ min: 0, max: 1024, schedule: [] });
  const schedule = [{ min: 4, days: "mon-fri", zone: null }];
  expect(limitsOf({ min: 1, max: 20, schedule })).toMatchObject({
    max: 20,
    schedule: ["min 4, days mon-fri"],
  });
  const decision = (at: string) => ({ at, action: "grow", reason: "", signal: {} });
  expect(latestFirst([decision("2026-01-01"), decision("2026-01-02")])[0]?.at).toBe("2026-01-02");
});

test("events about a worker, a hundred at most", () => {
  const event = (id: number, data: Record<string, unknown>) => ({
    id,
    job_id: null,
    kind: "task.started",
    at: "",
    data,
  });
  expect(isAbout(event(1, { worker_id: "w-1" }), "w-1")).toBe(true);
  expect(isAbout(event(1, { worker: "w-1" }), "w-1")).toBe(true);
  expect(isAbout(event(1, { worker: "w-2", workers: ["w-2", "w-1"] }), "w-1")).toBe(true);
  expect(isAbout(event(1, {}), "w-1")).toBe(false);
  let kept: LiveEvent[] = [event(0, {})];
  for (let id = 1; id < 300; id += 1) kept = withLatest(kept, event(id, {}));
  expect([kept.length, kept[0]?.id]).toEqual([100, 299]);
});
