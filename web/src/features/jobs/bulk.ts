/** One thing done to many jobs, and what became of each. */
import { ApiError, client, got, type Schemas } from "@/lib/api";
import type { Action, Row } from "./row";

export interface Outcome {
  id: string;
  name: string;
  /** Why it was refused, in the server's words; null: done. */
  refused: string | null;
}

const AT_ONCE = 6;
const MOST_IN_A_CALL = 1000;

export async function done(action: Action, rows: readonly Row[]): Promise<Outcome[]> {
  return action === "cancel" ? cancelled(rows) : oneByOne(action, rows);
}

/** Of many in one answer: each by its id. */
export function outcomesOf(rows: readonly Row[], said: readonly Schemas["OneOfMany"][]): Outcome[] {
  const known = new Map(said.flatMap((one) => (one.job_id ? [[one.job_id, one] as const] : [])));
  return rows.map((row, at) => {
    // A refusal may come without its id; then it stands where it was asked for.
    const one = known.get(row.id) ?? (said[at]?.job_id ? undefined : said[at]);
    const refused = one === undefined || one.status >= 400 ? (one?.detail ?? one?.code ?? "?") : null;
    return { id: row.id, name: row.name, refused };
  });
}

async function cancelled(rows: readonly Row[]): Promise<Outcome[]> {
  const found: Outcome[] = [];
  for (let at = 0; at < rows.length; at += MOST_IN_A_CALL) {
    const some = rows.slice(at, at + MOST_IN_A_CALL);
    const body = { ids: some.map((row) => row.id), limit: MOST_IN_A_CALL };
    found.push(...outcomesOf(some, (await got(client.POST("/api/v1/jobs/cancel", { body }))).items));
  }
  return found;
}

async function oneByOne(action: Exclude<Action, "cancel">, rows: readonly Row[]): Promise<Outcome[]> {
  const found: Outcome[] = [];
  for (let at = 0; at < rows.length; at += AT_ONCE) {
    const some = rows.slice(at, at + AT_ONCE);
    found.push(...(await Promise.all(some.map((row) => tried(action, row)))));
  }
  return found;
}

async function tried(action: Exclude<Action, "cancel">, { id, name }: Row): Promise<Outcome> {
  try {
    await CALLS[action](id);
    return { id, name, refused: null };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { id, name, refused: error.message };
  }
}

const of = (id: string) => ({ params: { path: { job_id: id } } });
const CALLS: Record<Exclude<Action, "cancel">, (id: string) => Promise<unknown>> = {
  pause: (id) => got(client.POST("/api/v1/jobs/{job_id}/pause", of(id))),
  resume: (id) => got(client.POST("/api/v1/jobs/{job_id}/resume", of(id))),
  retry: (id) => got(client.POST("/api/v1/jobs/{job_id}/retry", of(id))),
  delete: (id) => got(client.DELETE("/api/v1/jobs/{job_id}", of(id))),
};
