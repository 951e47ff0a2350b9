import { mdiViewDashboardOutline } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "overview",
  routes: [{ path: "/", lazy: () => import("./OverviewPage") }],
  nav: [{ label: "nav", path: paths.overview, icon: mdiViewDashboardOutline }],
};
