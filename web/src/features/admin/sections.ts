import { type ComponentType, lazy, type LazyExoticComponent } from "react";
import { type Caller, mayDo, type Permission } from "@/lib/session";

export interface Section {
  name: string;
  permission: Permission;
  View: LazyExoticComponent<ComponentType>;
}

/** In the order in which they are shown; each is loaded when it is opened. */
export const SECTIONS: Section[] = [
  { name: "users", permission: "platform:admin", View: lazy(() => import("./sections/Users")) },
  { name: "workspaces", permission: "workspace:admin", View: lazy(() => import("./sections/Workspaces")) },
  { name: "keys", permission: "platform:admin", View: lazy(() => import("./sections/Keys")) },
  { name: "secrets", permission: "secrets:read", View: lazy(() => import("./sections/Secrets")) },
  { name: "webhooks", permission: "workspace:admin", View: lazy(() => import("./sections/Webhooks")) },
  { name: "audit", permission: "audit:read", View: lazy(() => import("./sections/Audit")) },
  { name: "ledger", permission: "ledger:read", View: lazy(() => import("./sections/Ledger")) },
  { name: "sla", permission: "ledger:read", View: lazy(() => import("./sections/Sla")) },
  { name: "health", permission: "fleet:read", View: lazy(() => import("./sections/Health")) },
  { name: "retention", permission: "platform:admin", View: lazy(() => import("./sections/Retention")) },
  { name: "settings", permission: "platform:admin", View: lazy(() => import("./sections/Settings")) },
];

/** Those that somebody may use, in whatever workspace. */
export function sectionsOf(caller: Caller): Section[] {
  return SECTIONS.filter(({ permission }) => mayDo(caller, permission, null));
}
