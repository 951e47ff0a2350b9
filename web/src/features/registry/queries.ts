import { useQueries, useQuery } from "@tanstack/react-query";
import { client, got, gotText, type Schemas } from "@/lib/api";
import { paths } from "@/lib/paths";
import { useWorkspaceQuery } from "@/lib/session";

export type Model = Schemas["ModelRead"];
export type Version = Schemas["ModelVersionRead"];

const PAGE = 1000;
const MOST_PAGES = 10;

export function useModels() {
  const workspace = useWorkspaceQuery();
  return useQuery({
    queryKey: ["models", "list", workspace],
    queryFn: async ({ signal }) => {
      const found: Model[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < MOST_PAGES; page++) {
        const query = { ...workspace, limit: PAGE, cursor };
        const answer: { items: Model[]; next_cursor: string | null } = await got(
          client.GET("/api/v1/models", { params: { query }, signal }),
        );
        found.push(...answer.items);
        cursor = answer.next_cursor;
        if (cursor === null) break;
      }
      return found;
    },
  });
}

export function useModel(name: string, workspace: string) {
  return useQuery({
    queryKey: ["models", name, workspace],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/models/{name}", { params: { path: { name }, query: { workspace } }, signal })),
  });
}

export function useVersions(name: string, workspace: string) {
  return useQuery({
    queryKey: ["models", name, workspace, "versions"],
    queryFn: async ({ signal }) => {
      const params = { path: { name }, query: { workspace, limit: PAGE } };
      return (await got(client.GET("/api/v1/models/{name}/versions", { params, signal }))).items;
    },
  });
}

export function useVersion(name: string, version: number, workspace: string) {
  return useQuery({
    queryKey: ["models", name, workspace, "versions", version],
    queryFn: ({ signal }) => {
      const params = { path: { name, version: String(version) }, query: { workspace } };
      return got(client.GET("/api/v1/models/{name}/versions/{version}", { params, signal }));
    },
  });
}

export function useCard(name: string, version: number, workspace: string) {
  return useQuery({
    queryKey: ["models", name, workspace, "versions", version, "card"],
    queryFn: ({ signal }) => gotText(paths.modelCard(name, version, workspace), signal),
  });
}

export function useModelLineage(name: string, version: number, workspace: string) {
  return useQuery({
    queryKey: ["models", name, workspace, "lineage", version],
    queryFn: ({ signal }) => {
      const params = { path: { name }, query: { workspace, version } };
      return got(client.GET("/api/v1/models/{name}/lineage", { params, signal }));
    },
  });
}

/** What the jobs of these versions were told; of a job that is gone, or hidden, nothing. */
export function useParameters(versions: Version[]): Record<string, unknown>[] {
  return useQueries({
    queries: versions.map(({ job_id }) => ({
      queryKey: ["jobs", job_id ?? "", "one"],
      enabled: job_id !== null,
      retry: false,
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        got(client.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: job_id ?? "" } }, signal })),
    })),
    combine: (answers) =>
      answers.map(({ data }) => {
        if (!data) return {};
        const { algorithm, hyperparameters } = data.spec;
        const given = typeof hyperparameters === "object" && hyperparameters !== null ? hyperparameters : {};
        return { ...(typeof algorithm === "string" ? { algorithm } : {}), ...given };
      }),
  });
}
