import { mdiCubeOutline } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "registry",
  routes: [{ path: "/models", lazy: () => import("./ModelsPage") }],
  nav: [{ label: "nav", path: paths.models, icon: mdiCubeOutline, permission: "models:read" }],
};
