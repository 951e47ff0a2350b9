import { mdiPlusCircleOutline } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "composer",
  routes: [{ path: "/jobs/new", lazy: () => import("./NewJobPage") }],
  nav: [{ label: "nav", path: paths.newJob, icon: mdiPlusCircleOutline, permission: "jobs:write" }],
};
