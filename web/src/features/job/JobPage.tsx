import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import { type ComponentType, lazy, type LazyExoticComponent, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { Empty, ErrorNote, LinkCell, Page, Tabs } from "@/components";
import { ApiError } from "@/lib/api";
import { useJobDetail } from "@/lib/live";
import { paths } from "@/lib/paths";
import { Actions } from "./Actions";
import { Above, Beside, Standing } from "./Header";
import { ENDED, type Job, useJob } from "./queries";

type Part = LazyExoticComponent<ComponentType<{ job: Job }>>;

const TABS: Record<string, Part> = {
  curves: lazy(() => import("./curves/CurvesTab").then((one) => ({ default: one.CurvesTab }))),
  logs: lazy(() => import("./logs/LogsTab").then((one) => ({ default: one.LogsTab }))),
  timeline: lazy(() => import("./timeline/TimelineTab").then((one) => ({ default: one.TimelineTab }))),
  ranks: lazy(() => import("./ranks/RanksTab").then((one) => ({ default: one.RanksTab }))),
  checkpoints: lazy(() =>
    import("./checkpoints/CheckpointsTab").then((one) => ({ default: one.CheckpointsTab })),
  ),
  results: lazy(() => import("./results/ResultsTab").then((one) => ({ default: one.ResultsTab }))),
  spec: lazy(() => import("./spec/SpecTab").then((one) => ({ default: one.SpecTab }))),
};
/** A study runs nothing itself: its trials do. */
const OF_STUDIES = ["curves", "timeline", "spec"];

export function Component() {
  const { jobId = "", tab } = useParams();
  // Another job is another page, with nothing left of the one before.
  return <JobPage key={jobId} id={jobId} tab={tab ?? "curves"} />;
}

function JobPage({ id, tab }: { id: string; tab: string }) {
  const { t } = useTranslation("job");
  const found = useJob(id);
  const job = found.data;
  useJobDetail(job && !ENDED.has(job.status) ? id : null);
  if (found.error instanceof ApiError && found.error.status === 404) return <Missing id={id} />;
  if (!job) {
    return (
      <Page title={t("title")}>
        {found.isError ? (
          <ErrorNote error={found.error} onRetry={() => void found.refetch()} />
        ) : (
          <Skeleton variant="rounded" height={480} aria-busy="true" />
        )}
      </Page>
    );
  }
  const offered = job.kind === "tune" ? OF_STUDIES : Object.keys(TABS);
  const chosen = offered.includes(tab) ? tab : "curves";
  const Shown = TABS[chosen]!;
  return (
    <Page
      title={job.name}
      above={<Above job={job} />}
      beside={<Beside job={job} />}
      actions={<Actions job={job} />}
    >
      <Standing job={job} />
      <Tabs
        label={t("tabs.label")}
        value={chosen}
        of={offered.map((one) => ({ value: one, label: t(`tabs.${one}`), to: paths.job(id, one) }))}
      />
      <Suspense fallback={<Skeleton variant="rounded" height={480} aria-busy="true" />}>
        <Box sx={{ minWidth: 0 }}>
          <Shown job={job} />
        </Box>
      </Suspense>
    </Page>
  );
}

function Missing({ id }: { id: string }) {
  const { t } = useTranslation("job");
  return (
    <Page title={t("missing.title")}>
      <Empty title={t("missing.what", { id })}>
        {t("missing.why")} <LinkCell to={paths.jobs}>{t("missing.jobs")}</LinkCell>
      </Empty>
    </Page>
  );
}
