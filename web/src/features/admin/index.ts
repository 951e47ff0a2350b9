import { mdiShieldAccountOutline } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "admin",
  routes: [{ path: "/admin", lazy: () => import("./AdminPage") }],
  nav: [{ label: "nav", path: paths.admin(), icon: mdiShieldAccountOutline, permission: "workspace:admin" }],
};
