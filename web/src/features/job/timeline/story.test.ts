import { expect, test } from "vitest";
import english from "../locales/en.json";
import { type Entry, KINDS, story } from "./story";

let id = 0;
const entry = (kind: string, data: Record<string, unknown> = {}): Entry => ({
  id: ++id,
  at: "2026-01-01T00:00:00Z",
  kind,
  data,
});
const keys = (...entries: Entry[]) => story(entries).map((one) => one.key);

test("a worker that is lost, and how the job went on", () => {
  const told = story([
    entry("job.started", { attempt: 1, workers: 2 }),
    entry("checkpoint", { step: 1200 }),
    entry("task.finished", {
      rank: 1,
      status: "lost",
      class: "lost_worker",
      worker_id: "w-1",
      message: "gone",
    }),
    entry("task.finished", { rank: 0, status: "stopped", worker_id: "w-2" }),
    entry("job.requeued", {
      attempt: 1,
      reason: "worker w-1 stopped answering",
      steps_lost: 30,
      delay_s: 0.62,
    }),
    entry("job.started", { attempt: 2, workers: 2 }),
  ]);
  expect(told.map((one) => one.key)).toEqual([
    "started",
    "checkpoint",
    "workerLost",
    "taskStopped",
    "requeuedLost",
    "startedFrom",
  ]);
  expect(told[4]!.values).toMatchObject({ lost: 30, delay: 0.6 });
  expect(told[5]!.values).toMatchObject({ attempt: 2, step: 1200 });
});

test("checkpoints in a row are one sentence, with the last step", () => {
  const told = story([1, 2, 3].map((step) => entry("checkpoint", { step })));
  expect(told).toHaveLength(1);
  expect(told[0]!.values).toEqual({ step: 3, count: 3 });
});

test("a fork begins at its checkpoint", () => {
  expect(
    keys(
      entry("job.forked", { job_id: "j", step: 5 }),
      entry("checkpoint", { step: 5 }),
      entry("job.started", { attempt: 1 }),
    ),
  ).toEqual(["forked", "checkpoint", "startedFrom"]);
});

test("a hang says where", () => {
  expect(
    keys(entry("hang.found", { message: "m", evidence: { culprits: [1], line: "train.py:7" } })),
  ).toEqual(["hangAt"]);
});

test("what nobody knows is told by its kind, what is no data does not break it", () => {
  expect(keys(entry("comet.seen"), entry("task.finished", { rank: {}, status: 5 }))).toEqual([
    "other",
    "taskFailed",
  ]);
});

test("there is a sentence for every kind", () => {
  const sentences = new Set(Object.keys(english.story).map((key) => key.replace(/_(one|other)$/, "")));
  for (const kind of KINDS)
    for (const data of [
      {},
      { seconds: 1 },
      { status: "succeeded" },
      { steps_lost: 2 },
      { evidence: { line: "x" } },
      { attempt: 2 },
    ])
      for (const { key } of story([entry(kind, data)]))
        expect([kind, sentences.has(key)]).toEqual([kind, true]);
});
