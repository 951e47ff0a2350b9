import { useQuery } from "@tanstack/react-query";
import { client, got } from "./api";
import { mayDo, type Permission, useSession } from "./session";

export const DEFAULT_WORKSPACE = "default";

/** For things whose names are of a workspace: the chosen one alone, else each in which the caller may. */
export function useReadableWorkspaces(permission: Permission): { workspaces: string[]; ready: boolean } {
  const { caller, workspace } = useSession();
  const all = caller.everywhere.includes(permission);
  const found = useQuery({
    queryKey: ["workspaces"],
    enabled: all && workspace === null,
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/workspaces", { params: { query: { limit: 200 } }, signal })),
    staleTime: 60_000,
  });
  if (workspace !== null) return { workspaces: [workspace], ready: true };
  if (!all) {
    const held = Object.keys(caller.workspaces).filter((name) => mayDo(caller, permission, name));
    return { workspaces: held.sort(), ready: true };
  }
  const names = (found.data?.items ?? []).map((one) => one.name);
  return {
    workspaces: [...new Set([DEFAULT_WORKSPACE, ...names])],
    ready: !found.isPending,
  };
}
