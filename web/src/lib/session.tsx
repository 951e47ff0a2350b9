/** Who is signed in, what that one may do, and in which workspace. */
import { useQuery } from "@tanstack/react-query";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { client, got, onSignedOut, type Schemas } from "./api";
import { paths } from "./paths";

export type Permission = Schemas["Permission"];
export type Caller = Schemas["CallerRead"];

export interface Session {
  caller: Caller;
  /** The workspace that is chosen; null: all that one may see. */
  workspace: string | null;
  chooseWorkspace: (name: string | null) => void;
  /** Where a new thing goes: the chosen workspace, else the first that one may write in. */
  homeWorkspace: string;
  /** Whether the caller may, in a workspace (default: the chosen one, or anywhere if none is). */
  may: (permission: Permission, workspace?: string | null) => boolean;
}

const Context = createContext<Session | null>(null);
const KEPT = "tensorfleet.workspace";

export function mayDo(caller: Caller, permission: Permission, workspace: string | null): boolean {
  if (caller.everywhere.includes(permission)) return true;
  if (workspace !== null) return caller.workspaces[workspace]?.includes(permission) ?? false;
  return Object.values(caller.workspaces).some((held) => held.includes(permission));
}

export function homeOf(caller: Caller, chosen: string | null): string {
  if (chosen !== null) return chosen;
  const writable = Object.keys(caller.workspaces).filter((name) => mayDo(caller, "jobs:write", name));
  if (caller.everywhere.includes("jobs:write") || writable.includes("default")) return "default";
  return writable[0] ?? "default";
}

export function goToSignIn(): void {
  const { pathname, search } = window.location;
  window.location.assign(paths.signIn(pathname + search));
}

export function SessionProvider({ children, waiting }: { children: ReactNode; waiting: ReactNode }) {
  const [chosen, setChosen] = useState<string | null>(() => localStorage.getItem(KEPT));
  const me = useQuery({
    queryKey: ["me"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/auth/me", { signal })),
    staleTime: 60_000,
    retry: true,
  });
  useEffect(() => onSignedOut(goToSignIn), []);
  const chooseWorkspace = useCallback((name: string | null) => {
    setChosen(name);
    if (name === null) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, name);
  }, []);
  const caller = me.data;
  const session = useMemo<Session | null>(() => {
    if (!caller) return null;
    const known = chosen === null || caller.everywhere.length > 0 || chosen in caller.workspaces;
    const workspace = known ? chosen : null;
    return {
      caller,
      workspace,
      chooseWorkspace,
      homeWorkspace: homeOf(caller, workspace),
      may: (permission, within = workspace) => mayDo(caller, permission, within),
    };
  }, [caller, chosen, chooseWorkspace]);
  if (session === null) return waiting;
  return <Context.Provider value={session}>{children}</Context.Provider>;
}

export function useSession(): Session {
  const session = useContext(Context);
  if (session === null) throw new Error("outside of SessionProvider");
  return session;
}

/** The query parameter of lists: nothing when all workspaces are shown. */
export function useWorkspaceQuery(): { workspace?: string } {
  const { workspace } = useSession();
  return workspace === null ? {} : { workspace };
}
