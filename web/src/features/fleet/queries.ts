import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, got } from "@/lib/api";
import { useSession } from "@/lib/session";

/** Heartbeats bring figures without an event: they are asked for, while somebody looks. */
const OFTEN_MS = 5_000;
const USAGE_MS = 15_000;
const MOST_WORKERS = 1000;
const MOST_NAMES = 200;

export function useWorkers() {
  return useQuery({
    queryKey: ["workers", "list"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/workers", { params: { query: { limit: MOST_WORKERS } }, signal })),
    refetchInterval: OFTEN_MS,
  });
}

export function useWorker(id: string) {
  return useQuery({
    queryKey: ["workers", id],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/workers/{worker_id}", { params: { path: { worker_id: id } }, signal })),
    refetchInterval: OFTEN_MS,
  });
}

/** Names of jobs that run, by id: a worker only knows ids. */
export function useJobNames(): ReadonlyMap<string, string> {
  const { may } = useSession();
  const { data } = useQuery({
    queryKey: ["jobs", "list", "names of running ones"],
    queryFn: async ({ signal }) => {
      const query = { status: ["running" as const], limit: MOST_NAMES };
      const { items } = await got(client.GET("/api/v1/jobs", { params: { query }, signal }));
      return items.map((job): [string, string] => [job.job_id, job.name]);
    },
    enabled: may("jobs:read", null),
    select: namesOf,
  });
  return data ?? NO_NAMES;
}

const NO_NAMES: ReadonlyMap<string, string> = new Map();

function namesOf(pairs: [string, string][]): ReadonlyMap<string, string> {
  return new Map(pairs);
}

export function useWorkerUsage(id: string, hours: number) {
  return useQuery({
    queryKey: ["worker-usage", id, hours],
    queryFn: ({ signal }) => {
      const params = { path: { worker_id: id }, query: { hours } };
      return got(client.GET("/api/v1/workers/{worker_id}/usage", { params, signal }));
    },
    refetchInterval: USAGE_MS,
    placeholderData: keepPreviousData,
  });
}

export function useFleetUsage(hours: number) {
  return useQuery({
    queryKey: ["fleet-usage", hours],
    queryFn: ({ signal }) => got(client.GET("/api/v1/fleet/usage", { params: { query: { hours } }, signal })),
    refetchInterval: USAGE_MS,
    placeholderData: keepPreviousData,
  });
}

export function useScaling() {
  return useQuery({
    queryKey: ["fleet", "scaling"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/fleet/scaling", { params: { query: { limit: 100 } }, signal })),
    refetchInterval: OFTEN_MS,
  });
}

/** With an autoscaler: so many workers until further notice, null to leave it to the load.  Without: so many slots. */
export function useWanted(autoscaled: boolean) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async (workers: number | null) => {
      if (autoscaled) await got(client.POST("/api/v1/fleet/target", { body: { workers } }));
      else await got(client.POST("/api/v1/fleet/scale", { body: { workers: workers ?? 1 } }));
    },
    onSuccess: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ["workers"] }),
        queries.invalidateQueries({ queryKey: ["fleet"] }),
      ]),
  });
}

export type Steering =
  { what: "drain" | "undrain" | "release" | "check" } | { what: "quarantine"; reason: string };

export function useSteering(id: string) {
  const queries = useQueryClient();
  const path = { worker_id: id };
  return useMutation({
    mutationFn: (one: Steering) => {
      if (one.what === "quarantine") {
        const body = { reason: one.reason };
        return got(client.POST("/api/v1/workers/{worker_id}/quarantine", { params: { path }, body }));
      }
      if (one.what === "release")
        return got(client.POST("/api/v1/workers/{worker_id}/release", { params: { path } }));
      if (one.what === "check")
        return got(client.POST("/api/v1/workers/{worker_id}/check", { params: { path } }));
      const query = { undo: one.what === "undrain" };
      return got(client.POST("/api/v1/workers/{worker_id}/drain", { params: { path, query } }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["workers"] }),
  });
}
