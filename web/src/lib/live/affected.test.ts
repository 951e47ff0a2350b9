import { expect, test } from "vitest";
import { affectedBy, merged } from "./affected";

const event = (kind: string, job_id: string | null = "j-1") => ({ id: 1, job_id, kind, at: "", data: {} });

test("a job's event is about that job and the lists", () => {
  expect(affectedBy(event("job.completed"))).toContainEqual(["jobs", "j-1"]);
  expect(affectedBy(event("job.completed"))).toContainEqual(["jobs", "list"]);
  expect(affectedBy(event("job.completed"))).toContainEqual(["models"]);
});

test("logs and metrics ask for nothing: who shows them takes them from the stream", () => {
  expect(affectedBy(event("metrics"))).toEqual([]);
  expect(affectedBy(event("log"))).toEqual([]);
});

test("workers are no job's", () => {
  expect(affectedBy(event("worker.lost", null))).toEqual([["workers"], ["fleet"]]);
});

test("each key once, and none that a shorter one covers", () => {
  expect(merged([["jobs", "1", "tasks"], ["jobs", "1"], ["jobs", "1"], ["workers"]])).toEqual([
    ["jobs", "1"],
    ["workers"],
  ]);
});
