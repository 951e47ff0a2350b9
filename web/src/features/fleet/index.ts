import { mdiServer } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "fleet",
  routes: [
    { path: "/workers", lazy: () => import("./WorkersPage") },
    { path: "/workers/:workerId", lazy: () => import("./WorkerPage") },
  ],
  nav: [{ label: "nav", path: paths.workers, icon: mdiServer, permission: "fleet:read" }],
};
