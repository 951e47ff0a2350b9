import { useQuery } from "@tanstack/react-query";
import { client, got, type Schemas } from "@/lib/api";
import { useSession, useWorkspaceQuery } from "@/lib/session";

type Status = Schemas["JobStatus"];

/** Of each list: what fits beside the others; the rest is behind a link. */
export const SHOWN = 5;
const PROGRESS_MS = 4_000;
const SLOWLY_MS = 60_000;
const HEALTH_MS = 15_000;

export function useCounts() {
  const workspace = useWorkspaceQuery();
  return useQuery({
    queryKey: ["jobs", "counts", "overview", workspace],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs/counts", { params: { query: workspace }, signal })),
  });
}

/** The newest jobs of a status; of waiting ones the oldest. */
export function useSome(status: Status) {
  const workspace = useWorkspaceQuery();
  const sort = status === "queued" ? ("created_at" as const) : ("-created_at" as const);
  const query = { ...workspace, status: [status], sort, limit: SHOWN };
  return useQuery({
    queryKey: ["jobs", "list", "overview", query],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs", { params: { query }, signal })),
    refetchInterval: (found) =>
      status === "running" && found.state.data?.items.length ? PROGRESS_MS : false,
  });
}

/** Why a job waits: the list does not say it of each. */
export function useWhy(id: string) {
  return useQuery({
    queryKey: ["jobs", id, "why", "overview"],
    queryFn: async ({ signal }) =>
      (await got(client.GET("/api/v1/jobs/{job_id}/why", { params: { path: { job_id: id } }, signal })))
        .reason,
    refetchInterval: HEALTH_MS,
  });
}

export function useWorkers() {
  const { may } = useSession();
  return useQuery({
    queryKey: ["workers", "overview"],
    queryFn: async ({ signal }) =>
      (await got(client.GET("/api/v1/workers", { params: { query: { limit: 1000 } }, signal }))).items,
    enabled: may("fleet:read"),
  });
}

export function useUsage() {
  return useQuery({
    // Not under ["fleet"]: each event about a worker would ask for a whole day again.
    queryKey: ["fleet-usage", "overview"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/fleet/usage", { params: { query: { hours: 24, points: 144 } }, signal })),
    refetchInterval: SLOWLY_MS,
  });
}

export function useLedger(by: "workspace" | "worker_type") {
  const workspace = useWorkspaceQuery();
  return useQuery({
    queryKey: ["ledger", "overview", by, workspace],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/ledger", { params: { query: { by, limit: 5, ...workspace } }, signal })),
    refetchInterval: SLOWLY_MS,
  });
}

/** Also when it is answered with 503: then it says what is down. */
export function useHealth() {
  return useQuery({
    queryKey: ["health"],
    queryFn: async ({ signal }) => {
      const asked = await client.GET("/health", { signal });
      const said: unknown = asked.data ?? asked.error;
      if (typeof said === "object" && said !== null && "parts" in said) return said as Schemas["Health"];
      return got(Promise.resolve(asked));
    },
    refetchInterval: HEALTH_MS,
  });
}
