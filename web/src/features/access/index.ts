import { mdiCogOutline } from "@mdi/js";
import type { Feature } from "@/lib/feature";
import { paths } from "@/lib/paths";

export const feature: Feature = {
  name: "access",
  routes: [{ path: "/settings", lazy: () => import("./SettingsPage") }],
  nav: [{ label: "nav", path: paths.settings, icon: mdiCogOutline }],
};
