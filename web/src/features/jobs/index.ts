import { mdiFormatListBulleted } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "jobs",
  routes: [
    { path: "/jobs", lazy: () => import("./JobsPage") },
    { path: "/jobs/compare", lazy: () => import("./compare/ComparePage") },
  ],
  nav: [{ label: "nav", path: paths.jobs, icon: mdiFormatListBulleted, permission: "jobs:read" }],
  commands: [{ label: "compare.title", path: paths.compare(), permission: "jobs:read" }],
};
