import type { Feature } from "@/lib/feature";

export const feature: Feature = {
  name: "job",
  routes: [{ path: "/jobs/:jobId/:tab?", lazy: () => import("./JobPage") }],
};
