import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useToast } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { useWorkspaceQuery } from "@/lib/session";
import type { AuditFilter } from "./auditFilter";

const MOST = 1000;

export function useUsers() {
  return useQuery({
    queryKey: ["users"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/users", { params: { query: { limit: MOST } }, signal })).then(
        ({ items }) => items,
      ),
  });
}

export function useUser(name: string | null) {
  return useQuery({
    queryKey: ["users", name],
    enabled: name !== null,
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/users/{user}", { params: { path: { user: name ?? "" } }, signal })),
  });
}

/** `default` is where everything goes that names none; it is there without having been made. */
export function useWorkspaces() {
  return useQuery({
    queryKey: ["workspaces", "list"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/workspaces", { params: { query: { limit: MOST } }, signal })).then(
        ({ items }) => items,
      ),
  });
}

export function namesWithDefault(found: readonly { name: string }[]): string[] {
  return ["default", ...found.map(({ name }) => name).filter((name) => name !== "default")];
}

export function useMembers(workspace: string) {
  return useQuery({
    queryKey: ["workspaces", workspace, "members"],
    queryFn: ({ signal }) =>
      got(
        client.GET("/api/v1/workspaces/{workspace}/members", { params: { path: { workspace } }, signal }),
      ).then(({ items }) => items),
  });
}

export function useQuota(workspace: string) {
  return useQuery({
    queryKey: ["workspaces", workspace, "quota"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/workspaces/{workspace}/quota", { params: { path: { workspace } }, signal })),
  });
}

export function useSecrets(workspace: string) {
  return useQuery({
    queryKey: ["secrets", workspace],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/secrets", { params: { query: { workspace } }, signal })).then(
        ({ items }) => items,
      ),
  });
}

export function useWebhooks() {
  const where = useWorkspaceQuery();
  return useQuery({
    queryKey: ["webhooks", "list", where],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/webhooks", { params: { query: where }, signal })).then(({ items }) => items),
  });
}

export function useDeliveries(id: string) {
  return useQuery({
    queryKey: ["webhooks", id, "deliveries"],
    refetchInterval: 5_000,
    queryFn: ({ signal }) =>
      got(
        client.GET("/api/v1/webhooks/{webhook_id}/deliveries", {
          params: { path: { webhook_id: id }, query: { limit: 100 } },
          signal,
        }),
      ).then(({ items }) => items),
  });
}

export function useAudit(filter: AuditFilter) {
  const where = useWorkspaceQuery();
  return useInfiniteQuery({
    queryKey: ["audit", filter, where],
    initialPageParam: null as string | null,
    placeholderData: keepPreviousData,
    maxPages: 100,
    queryFn: ({ signal, pageParam }) =>
      got(
        client.GET("/api/v1/audit", {
          params: { query: { ...filter, ...where, limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next_cursor,
  });
}

export function useLedger(from: string, to: string, by: Schemas["By"]) {
  const where = useWorkspaceQuery();
  return useQuery({
    queryKey: ["ledger", from, to, by, where],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/ledger", { params: { query: { from, to, by, limit: 50, ...where } }, signal })),
  });
}

export function useBudgets() {
  return useQuery({
    queryKey: ["budgets", "list"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/budgets", { signal })).then(({ items }) => items),
  });
}

export function useSla(month: string) {
  const where = useWorkspaceQuery();
  return useQuery({
    queryKey: ["sla", month, where],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const found = await got(client.GET("/api/v1/sla", { params: { query: { month, ...where } }, signal }));
      return found as Schemas["ReportRead"]; // a text is what it answers where CSV was asked for
    },
  });
}

export function useHealth() {
  return useQuery({
    queryKey: ["health", "parts"],
    refetchInterval: 5_000,
    queryFn: ({ signal }) => got(client.GET("/health", { signal })),
  });
}

export function useRetentionPlan() {
  return useQuery({
    queryKey: ["retention"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/retention/plan", { signal })),
  });
}

export function useSettings() {
  return useQuery({
    queryKey: ["settings", "all"],
    queryFn: ({ signal }) => got(client.GET("/api/v1/settings", { signal })),
  });
}

/** Waits for what was asked to be done, asks anew what is not true any more, and says that it is done. */
export function useDo() {
  const queries = useQueryClient();
  const toast = useToast();
  const { t } = useTranslation("admin");
  return async <T>(asked: Promise<T>, keys: string[][]): Promise<T> => {
    const found = await asked;
    await Promise.all(keys.map((queryKey) => queries.invalidateQueries({ queryKey })));
    toast(t("done"), "success");
    return found;
  };
}
