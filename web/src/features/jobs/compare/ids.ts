/** Which jobs are compared, as the address says. */
export const MOST = 20;

export function readIds(search: URLSearchParams): string[] {
  const said = (search.get("ids") ?? "").split(",").map((id) => id.trim());
  return [...new Set(said)].filter((id) => id !== "" && id.length <= 64).slice(0, MOST);
}

export function withIds(search: URLSearchParams, ids: readonly string[]): URLSearchParams {
  const next = new URLSearchParams(search);
  if (ids.length) next.set("ids", ids.join(","));
  else next.delete("ids");
  if (!ids.includes(next.get("base") ?? "")) next.delete("base");
  return next;
}

/** The names of jobs, told apart where they are the same. */
export function labelsOf(jobs: readonly { job_id: string; name: string }[]): string[] {
  const often = new Map<string, number>();
  for (const job of jobs) often.set(job.name, (often.get(job.name) ?? 0) + 1);
  return jobs.map((job) => (often.get(job.name) === 1 ? job.name : `${job.name} (${job.job_id.slice(-4)})`));
}
