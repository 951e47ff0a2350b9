import { mdiCubeOutline } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "registry",
  routes: [
    { path: "/models", lazy: () => import("./ModelsPage") },
    { path: "/models/:name", lazy: () => import("./ModelPage") },
  ],
  nav: [{ label: "nav", path: paths.models, icon: mdiCubeOutline, permission: "models:read" }],
};
