import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { client, got, type Schemas } from "@/lib/api";
import { useWorkspaceQuery } from "@/lib/session";
import { asked } from "../asked";
import { NO_FILTERS } from "../filters";
import { coursesOf } from "./measures";

export type Job = Schemas["JobRead"];
export type Series = Schemas["JobSeries"];

const AGAIN_MS = 5_000;
const POINTS = 500;
export const NAMES_AT_ONCE = 20;
const OFFERED = 20;
const GOING = new Set(["queued", "running", "paused"]);

export function useJobs(ids: readonly string[]) {
  return useQueries({
    queries: ids.map((id) => ({
      queryKey: ["jobs", id, "compared"],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        got(client.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: id } }, signal })),
    })),
  });
}

/** Which metrics have a course; undefined until all have answered. */
export function useCurveNames(jobs: readonly Job[]): string[] | undefined {
  const found = useQueries({
    queries: jobs.map(({ job_id, status }) => ({
      queryKey: ["jobs-courses", "summary", job_id],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const params = { path: { job_id } };
        return (await got(client.GET("/api/v1/jobs/{job_id}/metrics/summary", { params, signal }))).items;
      },
      refetchInterval: GOING.has(status) ? AGAIN_MS : (false as const),
    })),
  });
  if (found.some((one) => one.isPending)) return undefined;
  return coursesOf(found.map((one) => one.data ?? []));
}

/** Courses of some metrics of all these jobs in one call; again every few seconds while one of them goes on. */
export function useCourses(jobs: readonly Job[], names: readonly string[]) {
  const going = jobs.some((job) => GOING.has(job.status));
  const query = { job_id: jobs.map((job) => job.job_id), name: [...names], points: POINTS };
  return useQuery({
    queryKey: ["jobs-courses", query],
    queryFn: async ({ signal }) =>
      (await got(client.GET("/api/v1/metrics", { params: { query }, signal }))).items,
    enabled: jobs.length > 0 && names.length > 0,
    placeholderData: keepPreviousData,
    refetchInterval: going ? AGAIN_MS : false,
  });
}

export function useDifferences(base: string, other: string) {
  const path = { job_id: base, other_id: other };
  return useQuery({
    queryKey: ["jobs", base, "diff", other],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/jobs/{job_id}/diff/{other_id}", { params: { path }, signal })),
  });
}

/** Jobs to choose from, by a part of their name. */
export function useOffered(typed: string) {
  const workspace = useWorkspaceQuery();
  return useQuery({
    queryKey: ["jobs", "list", "offered", typed, workspace],
    queryFn: async ({ signal }) => {
      const query = { ...asked({ ...NO_FILTERS, q: typed }, new Date()), ...workspace, limit: OFFERED };
      return (await got(client.GET("/api/v1/jobs", { params: { query }, signal }))).items;
    },
    placeholderData: keepPreviousData,
  });
}
