import { feature as access } from "@/features/access";
import { feature as admin } from "@/features/admin";
import { feature as coming } from "@/features/coming";
import { feature as composer } from "@/features/composer";
import { feature as datasets } from "@/features/datasets";
import { feature as fleet } from "@/features/fleet";
import { feature as job } from "@/features/job";
import { feature as jobs } from "@/features/jobs";
import { feature as overview } from "@/features/overview";
import { feature as registry } from "@/features/registry";
import { feature as studies } from "@/features/studies";
import type { Feature } from "@/lib/feature";

/** In the order of the navigation.  The composer comes before the jobs: /jobs/new is no job. */
export const features: Feature[] = [
  overview,
  composer,
  jobs,
  job,
  studies,
  fleet,
  datasets,
  registry,
  coming,
  admin,
  access,
];
