import { mdiShieldAccountOutline } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "admin",
  routes: [{ path: "/admin/:section?", lazy: () => import("./AdminPage") }],
  nav: [{ label: "nav", path: paths.admin(), icon: mdiShieldAccountOutline, permission: "ledger:read" }],
  commands: [
    { label: "sections.users", path: paths.admin("users"), permission: "platform:admin" },
    { label: "sections.workspaces", path: paths.admin("workspaces"), permission: "workspace:admin" },
    { label: "sections.secrets", path: paths.admin("secrets"), permission: "secrets:read" },
    { label: "sections.webhooks", path: paths.admin("webhooks"), permission: "workspace:admin" },
    { label: "sections.audit", path: paths.admin("audit"), permission: "audit:read" },
    { label: "sections.ledger", path: paths.admin("ledger"), permission: "ledger:read" },
    { label: "sections.sla", path: paths.admin("sla"), permission: "ledger:read" },
    { label: "sections.health", path: paths.admin("health"), permission: "fleet:read" },
    { label: "sections.retention", path: paths.admin("retention"), permission: "platform:admin" },
    { label: "sections.settings", path: paths.admin("settings"), permission: "platform:admin" },
  ],
};
