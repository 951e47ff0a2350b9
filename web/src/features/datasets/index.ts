import { mdiDatabaseOutline } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "datasets",
  routes: [
    { path: "/datasets", lazy: () => import("./DatasetsPage") },
    { path: "/datasets/:name", lazy: () => import("./DatasetPage") },
  ],
  nav: [{ label: "nav", path: paths.datasets, icon: mdiDatabaseOutline, permission: "datasets:read" }],
  commands: [{ label: "add.button", path: paths.addDataset, permission: "datasets:write" }],
};
