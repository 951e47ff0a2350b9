import { mdiFormatListBulleted } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "jobs",
  routes: [{ path: "/jobs", lazy: () => import("./JobsPage") }],
  nav: [{ label: "nav", path: paths.jobs, icon: mdiFormatListBulleted, permission: "jobs:read" }],
};
