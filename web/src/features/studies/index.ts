import { mdiTuneVariant } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "studies",
  routes: [
    { path: "/studies", lazy: () => import("./StudiesPage") },
    { path: "/studies/:studyId", lazy: () => import("./StudyPage") },
  ],
  nav: [{ label: "nav", path: paths.studies, icon: mdiTuneVariant, permission: "jobs:read" }],
};
