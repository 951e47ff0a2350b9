import { mdiBellOutline, mdiCloudOutline, mdiSitemapOutline } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

/** Parts that have their place in the navigation before they are there. */
export const feature: Feature = {
  name: "coming",
  routes: [paths.pipelines, paths.endpoints, paths.monitors].map((path) => ({
    path,
    lazy: () => import("./ComingPage"),
  })),
  nav: [
    { label: "pipelines", path: paths.pipelines, icon: mdiSitemapOutline },
    { label: "endpoints", path: paths.endpoints, icon: mdiCloudOutline },
    { label: "monitors", path: paths.monitors, icon: mdiBellOutline },
  ],
};
