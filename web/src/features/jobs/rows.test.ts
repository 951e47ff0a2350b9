import { describe, expect, it } from "vitest";
import type { Schemas } from "@/lib/api";
import { outcomesOf } from "./bulk";
import { csvOf } from "./csv";
import { doable, rowOf } from "./row";

const JOB: Schemas["JobRead"] = {
  job_id: "j-1",
  name: "iris",
  workspace: "lab",
  kind: "train",
  status: "running",
  reason: "a reason",
  progress: 0.5,
  metrics: { accuracy: 0.9 },
  model_name: null,
  version: null,
  model_id: null,
  error: null,
  attempt: 1,
  steps_lost: 0,
  workers: 2,
  priority: "high",
  cancel_requested: false,
  created_at: "2026-11-22T00:00:00Z",
  started_at: null,
  finished_at: null,
  dataset: { name: "iris", version: 3, digest: "0" },
  evaluation: null,
  formats: [],
  throughput: null,
  study: null,
  spec: { algorithm: null, entrypoint: "train.py" },
};

describe("rowOf", () => {
  it("keeps what is shown, and nothing else", () => {
    const row = rowOf(JOB);
    expect(row).toMatchObject({ algorithm: "train.py", dataset: "iris v3", metric: { name: "accuracy" } });
    expect(row).not.toHaveProperty("spec");
  });

  it("tells a failure rather than a reason", () => {
    expect(rowOf({ ...JOB, error: { class: "user_error", message: "boom" } }).reason).toBe("boom");
  });
});

describe("doable", () => {
  const rows = [
    rowOf(JOB),
    rowOf({ ...JOB, job_id: "j-2", status: "failed" }),
    rowOf({ ...JOB, job_id: "j-3", workspace: "other" }),
    rowOf({ ...JOB, job_id: "j-4", cancel_requested: true }),
  ];
  const ids = (action: Parameters<typeof doable>[0]) =>
    doable(action, rows, (workspace) => workspace === "lab").map((row) => row.id);

  it("is what the status and the rights allow", () => {
    expect(ids("cancel")).toEqual(["j-1"]);
    expect(ids("pause")).toEqual(["j-1"]);
    expect(ids("resume")).toEqual([]);
    expect(ids("retry")).toEqual(["j-2"]);
    expect(ids("delete")).toEqual(["j-2"]);
  });
});

it("outcomesOf tells of each job what became of it, in whatever order the answer comes", () => {
  const rows = ["j-1", "j-2", "j-3"].map((job_id) => rowOf({ ...JOB, job_id }));
  const said = [
    { status: 404, code: "not_found", detail: "there is no job" },
    { status: 409, job_id: "j-3", detail: "it has ended" },
    { status: 202, job_id: "j-2" },
  ];
  expect(outcomesOf(rows, said).map((one) => one.refused)).toEqual(["there is no job", null, "it has ended"]);
});

describe("csvOf", () => {
  it("quotes what needs it", () => {
    expect(csvOf(["a", "b"], [['say "hi", you', "two\nlines"]])).toBe(
      'a,b\r\n"say ""hi"", you","two\nlines"\r\n',
    );
  });

  it("lets no text be a formula, and numbers be numbers", () => {
    expect(csvOf(["a"], [["=cmd()"], ["-1+2"], [-1.5], [null]])).toBe(
      "a\r\n'=cmd()\r\n'-1+2\r\n-1.5\r\n\r\n",
    );
  });
});
