import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { client, got, type Schemas } from "@/lib/api";
import { useReadableWorkspaces } from "@/lib/workspaces";

export type Dataset = Schemas["DatasetRead"];
export type Version = Schemas["VersionRead"];

const PAGE = 1000;
const MOST_PAGES = 10;
const MINUTES = 60_000;

async function allOf(workspace: string, signal: AbortSignal): Promise<Dataset[]> {
  const found: Dataset[] = [];
  let cursor = "";
  for (let page = 0; page < MOST_PAGES; page++) {
    const query = { workspace, limit: PAGE, cursor };
    const answer = await got(client.GET("/api/v1/datasets", { params: { query }, signal }));
    found.push(...answer.items);
    if (answer.next_cursor === null) break;
    cursor = answer.next_cursor;
  }
  return found;
}

/** Of the chosen workspace, or of all that one may see: names are of a workspace, so each is asked. */
export function useDatasets() {
  const { workspaces, ready } = useReadableWorkspaces("datasets:read");
  return useQueries({
    queries: workspaces.map((workspace) => ({
      queryKey: ["datasets", "list", workspace],
      queryFn: ({ signal }: { signal: AbortSignal }) => allOf(workspace, signal),
    })),
    combine: (answers) => ({
      datasets: answers.flatMap((one) => one.data ?? []),
      pending: !ready || answers.some((one) => one.isPending),
      error: answers.find((one) => one.isError)?.error ?? null,
      refetch: () => answers.forEach((one) => void one.refetch()),
    }),
  });
}

export function useDataset(name: string, workspace: string) {
  return useQuery({
    queryKey: ["datasets", name, workspace],
    queryFn: ({ signal }) =>
      got(
        client.GET("/api/v1/datasets/{name}", { params: { path: { name }, query: { workspace } }, signal }),
      ),
  });
}

/** A version never changes; with its profile it may be large, so it is kept for a while and not asked for again. */
export function useVersion(name: string, version: number | null, workspace: string) {
  return useQuery({
    queryKey: ["datasets", name, workspace, "versions", version],
    enabled: version !== null,
    staleTime: Infinity,
    gcTime: 2 * MINUTES,
    queryFn: ({ signal }) => {
      const path = { name, version: String(version) };
      const params = { path, query: { workspace } };
      return got(client.GET("/api/v1/datasets/{name}/versions/{version}", { params, signal }));
    },
  });
}

export const ROWS = 50;

export function useRows(name: string, version: number, workspace: string, offset: number) {
  return useQuery({
    queryKey: ["datasets", name, workspace, "versions", version, "rows", offset],
    staleTime: Infinity,
    gcTime: 2 * MINUTES,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => {
      const path = { name, version: String(version) };
      const params = { path, query: { workspace, offset, limit: ROWS } };
      return got(client.GET("/api/v1/datasets/{name}/versions/{version}/rows", { params, signal }));
    },
  });
}

export function useDatasetLineage(name: string, version: number, workspace: string) {
  return useQuery({
    queryKey: ["datasets", name, workspace, "lineage", version],
    queryFn: ({ signal }) => {
      const params = { path: { name }, query: { workspace, version } };
      return got(client.GET("/api/v1/datasets/{name}/lineage", { params, signal }));
    },
  });
}
