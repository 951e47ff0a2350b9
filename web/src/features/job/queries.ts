import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { client, got, type Schemas } from "@/lib/api";
import { loose, num, text } from "./shape";

export type Job = Schemas["JobRead"];
export const ENDED = new Set(["completed", "failed", "cancelled"]);
const LOOK_MS = 2_000;
const LIVE_MS = 5_000;

const at = (id: string) => ({ params: { path: { job_id: id } } });

/** The progress and the newest figures come with no event: a job that runs is asked for again by itself. */
export function useJob(id: string) {
  return useQuery({
    queryKey: ["jobs", id],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs/{job_id}", { ...at(id), signal })),
    refetchInterval: ({ state }) => (state.data && !ENDED.has(state.data.status) ? LOOK_MS : false),
  });
}

export function useWhy(id: string, enabled = true, every: number | false = false) {
  return useQuery({
    queryKey: ["jobs", id, "why"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs/{job_id}/why", { ...at(id), signal })),
    enabled,
    refetchInterval: every,
  });
}

export function useTasks(id: string) {
  return useQuery({
    queryKey: ["jobs", id, "tasks"],
    queryFn: async ({ signal }) =>
      (await got(client.GET("/api/v1/jobs/{job_id}/tasks", { ...at(id), signal }))).items,
  });
}

export function useCheckpoints(id: string, enabled = true) {
  return useQuery({
    queryKey: ["jobs", id, "checkpoints"],
    queryFn: async ({ signal }) =>
      (await got(client.GET("/api/v1/jobs/{job_id}/checkpoints", { ...at(id), signal }))).items,
    enabled,
  });
}

export function useWaterfall(id: string, running: boolean) {
  return useQuery({
    queryKey: ["jobs", id, "waterfall"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs/{job_id}/waterfall", { ...at(id), signal })),
    refetchInterval: running ? LIVE_MS : false,
  });
}

export function useEvaluation(id: string, enabled: boolean) {
  return useQuery({
    queryKey: ["jobs", id, "evaluation"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs/{job_id}/evaluation", { ...at(id), signal })),
    enabled,
  });
}

export function usePlots(id: string) {
  return useQuery({
    queryKey: ["jobs", id, "plots"],
    queryFn: async ({ signal }) =>
      (await got(client.GET("/api/v1/jobs/{job_id}/plots", { ...at(id), signal }))).items,
  });
}

export function useLeaderboard(id: string, running: boolean) {
  return useQuery({
    queryKey: ["jobs", id, "leaderboard"],
    queryFn: async ({ signal }) =>
      (await got(client.GET("/api/v1/jobs/{job_id}/leaderboard", { ...at(id), signal }))).items,
    refetchInterval: running ? LIVE_MS : false,
  });
}

export function useFiles(id: string) {
  return useQuery({
    queryKey: ["jobs", id, "files"],
    queryFn: async ({ signal }) =>
      (await got(client.GET("/api/v1/jobs/{job_id}/files", { ...at(id), signal }))).items,
  });
}

export function useProvenance(id: string) {
  return useQuery({
    queryKey: ["jobs", id, "provenance"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs/{job_id}/provenance", { ...at(id), signal })),
  });
}

export function useDifferences(id: string, other: string | null) {
  return useQuery({
    queryKey: ["jobs", id, "diff", other],
    queryFn: ({ signal }) =>
      got(
        client.GET("/api/v1/jobs/{job_id}/diff/{other_id}", {
          params: { path: { job_id: other ?? "", other_id: id } },
          signal,
        }),
      ),
    enabled: other !== null,
  });
}

export function useLedger(id: string) {
  return useQuery({
    queryKey: ["jobs", id, "ledger"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs/{job_id}/ledger", { ...at(id), signal })),
  });
}

export function useProfile(id: string, enabled: boolean) {
  return useQuery({
    queryKey: ["jobs", id, "profile"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs/{job_id}/profile", { ...at(id), signal })),
    enabled,
  });
}

export function useStudy(id: string | null) {
  return useQuery({
    queryKey: ["studies", id],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/studies/{study_id}", { params: { path: { study_id: id ?? "" } }, signal })),
    enabled: id !== null,
  });
}

export function useWorkers() {
  return useQuery({
    queryKey: ["workers", "of-job"],
    queryFn: async ({ signal }) => (await got(client.GET("/api/v1/workers", { signal }))).items,
    refetchInterval: LIVE_MS,
  });
}

export interface Origin {
  how: "forked" | "replayed";
  job: string;
  step: number | null;
}

/** Where a fork or a replay comes from: one of the first entries of its log says so, and that never changes. */
export function useOrigin(id: string) {
  return useQuery({
    queryKey: ["origins", id],
    queryFn: async ({ signal }): Promise<Origin | null> => {
      const params = { path: { job_id: id }, query: { limit: 5 } };
      const { items } = await got(client.GET("/api/v1/jobs/{job_id}/events", { params, signal }));
      const found = items.find((one) => one.kind === "job.forked" || one.kind === "job.replayed");
      if (!found) return null;
      const data = loose(found.data);
      const how = found.kind === "job.forked" ? "forked" : "replayed";
      return { how, job: text(data.job_id), step: num(data.step) };
    },
    staleTime: Infinity,
  });
}

export type Intent = "pause" | "resume" | "cancel" | "retry";

export function useIntent(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (intent: Intent) => {
      const path = { job_id: id };
      if (intent === "pause") return got(client.POST("/api/v1/jobs/{job_id}/pause", { params: { path } }));
      if (intent === "resume") return got(client.POST("/api/v1/jobs/{job_id}/resume", { params: { path } }));
      if (intent === "cancel") return got(client.POST("/api/v1/jobs/{job_id}/cancel", { params: { path } }));
      return got(client.POST("/api/v1/jobs/{job_id}/retry", { params: { path } }));
    },
    onSettled: () =>
      Promise.all([
        queries.invalidateQueries({ queryKey: ["jobs", id] }),
        queries.invalidateQueries({ queryKey: ["jobs", "list"] }),
      ]),
  });
}

export const fork = (id: string, body: Schemas["Fork"]) =>
  got(client.POST("/api/v1/jobs/{job_id}/fork", { ...at(id), body }));
export const replay = (id: string) => got(client.POST("/api/v1/jobs/{job_id}/replay", at(id)));
export const remove = (id: string) => got(client.DELETE("/api/v1/jobs/{job_id}", at(id)));
