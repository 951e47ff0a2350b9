import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { client, got } from "@/lib/api";
import { useWorkspaceQuery } from "@/lib/session";
import { useSettled } from "./useSettled";
import { hasEnded, type Study } from "./values";

const PAGE = 50;

export function useStudies() {
  const workspace = useWorkspaceQuery();
  return useInfiniteQuery({
    queryKey: ["studies", "list", workspace],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ signal, pageParam }) => {
      const query = { ...workspace, limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) };
      return got(client.GET("/api/v1/studies", { params: { query }, signal }));
    },
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

export function useStudy(id: string) {
  return useQuery({
    queryKey: ["studies", id],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/studies/{study_id}", { params: { path: { study_id: id } }, signal })),
  });
}

/** How long trials may be old, in milliseconds: the more there are, the longer. */
export function patience(trials: number): number {
  return Math.min(30_000, Math.max(1_000, 4 * trials));
}

function known(study: Study): number {
  return Object.values(study.counts).reduce((sum, count) => sum + count, 0);
}

/** What all its trials are asked for again after: the study, which is small, is what events make us ask for. */
function useStamp(study: Study): string {
  const stamp = JSON.stringify([study.status, study.trials, study.counts]);
  return useSettled(stamp, patience(known(study)));
}

/** All trials.  They are not below ["studies"], so that not every event makes thousands of them come again. */
export function useTrials(study: Study) {
  const stamp = useStamp(study);
  return useQuery({
    queryKey: ["study-trials", study.study_id, stamp],
    queryFn: ({ signal }) => {
      const path = { study_id: study.study_id };
      return got(client.GET("/api/v1/studies/{study_id}/trials", { params: { path }, signal }));
    },
    staleTime: Infinity,
    gcTime: 0,
    placeholderData: keepPreviousData,
  });
}

export function useLineage(study: Study) {
  const stamp = useStamp(study);
  return useQuery({
    queryKey: ["study-lineage", study.study_id, stamp],
    queryFn: ({ signal }) => {
      const path = { study_id: study.study_id };
      return got(client.GET("/api/v1/studies/{study_id}/lineage", { params: { path }, signal }));
    },
    staleTime: Infinity,
    gcTime: 0,
    placeholderData: keepPreviousData,
  });
}

export const ENOUGH_FOR_IMPORTANCE = 3;

/** It costs a core for seconds: asked for again when there are a quarter more trials, and at the end. */
export function useImportance(study: Study) {
  const done = study.counts.completed ?? 0;
  const stage = hasEnded(study) ? `ended ${done}` : Math.floor(Math.log(done) / Math.log(1.25));
  return useQuery({
    queryKey: ["study-importance", study.study_id, stage],
    queryFn: ({ signal }) => {
      const path = { study_id: study.study_id };
      return got(client.GET("/api/v1/studies/{study_id}/importance", { params: { path }, signal }));
    },
    enabled: done >= ENOUGH_FOR_IMPORTANCE && study.population === null,
    staleTime: Infinity,
    placeholderData: keepPreviousData,
  });
}

const SOON_MS = 5_000;

/** The objective's course in these trials' jobs. */
export function useCourses(jobs: string[], metric: string, running: boolean) {
  return useQuery({
    queryKey: ["study-courses", jobs, metric],
    queryFn: ({ signal }) => {
      const query = { job_id: jobs, name: [metric], points: 200 };
      return got(client.GET("/api/v1/metrics", { params: { query }, signal }));
    },
    enabled: jobs.length > 0,
    refetchInterval: running ? SOON_MS : false,
    placeholderData: keepPreviousData,
  });
}

export type Steering = "pause" | "resume" | "cancel";

/** A study is a job, and is steered as one. */
export function useSteering(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (what: Steering) => {
      const params = { path: { job_id: id } };
      if (what === "pause") return got(client.POST("/api/v1/jobs/{job_id}/pause", { params }));
      if (what === "resume") return got(client.POST("/api/v1/jobs/{job_id}/resume", { params }));
      return got(client.POST("/api/v1/jobs/{job_id}/cancel", { params }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: ["studies"] }),
  });
}

export function useRetry(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (trials: number | null) =>
      got(
        client.POST("/api/v1/studies/{study_id}/retry", {
          params: { path: { study_id: id } },
          body: { trials },
        }),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["studies"] }),
  });
}
