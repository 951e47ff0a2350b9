import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ApiError, client, got, type Schemas, type WrongField } from "@/lib/api";
import { useSession, useWorkspaceQuery } from "@/lib/session";
import { datasetOf, type Job, workspaceOf } from "./spec/spec";

export type Algorithm = Schemas["AlgorithmRead"];
export type Version = Schemas["VersionRead"];
const TYPING_MS = 400;
const LOOK_AGAIN_MS = 15_000;

export function useAlgorithms() {
  return useQuery({
    queryKey: ["algorithms"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/algorithms", { signal })),
    select: (page) => page.items,
    staleTime: 600_000,
  });
}

/** The first hundred that begin so: more are found by typing more. */
export function useDatasets(workspace: string, prefix: string) {
  return useQuery({
    queryKey: ["datasets", "list", { workspace, prefix, limit: 100 }],
    queryFn: ({ signal }) =>
      got(
        client.GET("/api/v1/datasets", {
          params: { query: { workspace, limit: 100, ...(prefix ? { prefix } : {}) } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  });
}

export function useVersion(job: Job) {
  const found = datasetOf(job);
  const workspace = workspaceOf(job);
  const { name = "", version = "" } = found ?? {};
  return useQuery({
    queryKey: ["datasets", name, "versions", version, workspace],
    queryFn: ({ signal }) =>
      got(
        client.GET("/api/v1/datasets/{name}/versions/{version}", {
          params: { path: { name, version }, query: { workspace } },
          signal,
        }),
      ),
    enabled: found !== null,
    retry: false,
  });
}

export function useFirstRows(version: Version, workspace: string) {
  const path = { name: version.name, version: String(version.version) };
  return useQuery({
    queryKey: ["datasets", path.name, "rows", path.version, workspace],
    queryFn: ({ signal }) =>
      got(
        client.GET("/api/v1/datasets/{name}/versions/{version}/rows", {
          params: { path, query: { workspace, limit: 5 } },
          signal,
        }),
      ),
    staleTime: Infinity,
    retry: false,
  });
}

/** What there is of the fleet, for those who may see it. */
export function useFleet() {
  const { may } = useSession();
  return useQuery({
    queryKey: ["workers", "composer"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/workers", { params: { query: { limit: 1000 } }, signal })),
    select: (page) => page.items,
    enabled: may("fleet:read", null),
  });
}

export function usePastJobs(name: string, open: boolean) {
  const workspace = useWorkspaceQuery();
  return useQuery({
    queryKey: ["jobs", "list", { ...workspace, name, limit: 20, composer: true }],
    queryFn: ({ signal }) =>
      got(
        client.GET("/api/v1/jobs", {
          params: { query: { ...workspace, limit: 20, ...(name ? { name } : {}) } },
          signal,
        }),
      ),
    enabled: open,
    placeholderData: keepPreviousData,
  });
}

export function useLater<T>(value: T, ms = TYPING_MS): T {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return late;
}

/** What would happen to the job now, asked as one types. */
export function usePlan(job: Job, readable: boolean) {
  const body = useLater(JSON.stringify(job));
  return useQuery({
    queryKey: ["plan", body],
    queryFn: ({ signal }) =>
      got(client.POST("/api/v1/plan", { body: JSON.parse(body) as Schemas["JobSpec"], signal })),
    enabled: readable && body !== "{}",
    placeholderData: keepPreviousData,
    refetchInterval: LOOK_AGAIN_MS,
    retry: (failures, error) => failures < 2 && error instanceof ApiError && error.retriable,
  });
}

export function fieldsOf(error: unknown): readonly WrongField[] {
  return error instanceof ApiError && error.status === 422 ? error.fields : [];
}
