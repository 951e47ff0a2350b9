import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import LinearProgress from "@mui/material/LinearProgress";
import Skeleton from "@mui/material/Skeleton";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { lazy, memo, Suspense, useCallback, useDeferredValue, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { Ago, Facts, LinkCell, Page, Panel, Query, StatusChip } from "@/components";
import { paths } from "@/lib/paths";
import { axesOf } from "./axes";
import { BestPanel } from "./BestPanel";
import { type Brush, brushed, type Brushes, passes } from "./brush";
import { FailuresPanel } from "./FailuresPanel";
import { useStudy, useTrials } from "./queries";
import { StudyActions } from "./StudyActions";
import { TrialsPanel } from "./TrialsPanel";
import { objectivesOf, type Study, type Trial } from "./values";

/** While somebody draws on an axis, what does not hang on it is left as it is. */
const Failures = memo(FailuresPanel);
const Trials = memo(TrialsPanel);
const HistoryPanel = lazy(() => import("./HistoryPanel"));
const ParallelPanel = lazy(() => import("./ParallelPanel"));
const ImportancePanel = lazy(() => import("./ImportancePanel"));
const SlicesPanel = lazy(() => import("./SlicesPanel"));
const CoursesPanel = lazy(() => import("./CoursesPanel"));
const LineagePanel = lazy(() => import("./LineagePanel"));

export function Component() {
  const { studyId = "" } = useParams();
  const { t } = useTranslation("studies");
  const found = useStudy(studyId);
  const study = found.data;
  return (
    <Page
      title={study?.name ?? t("study")}
      above={<LinkCell to={paths.studies}>{t("nav")}</LinkCell>}
      beside={study && <StatusChip status={study.status} />}
      actions={study && <StudyActions study={study} />}
    >
      <Query of={found} height={600}>
        {(known) => <Content key={known.study_id} study={known} />}
      </Query>
    </Page>
  );
}

function Content({ study }: { study: Study }) {
  const { t } = useTranslation("studies");
  const trials = useTrials(study);
  return (
    <Stack spacing={2}>
      {study.reason && (
        <Alert severity={study.status === "failed" ? "error" : "info"} sx={{ whiteSpace: "pre-wrap" }}>
          {study.reason}
        </Alert>
      )}
      <Box
        sx={{
          display: "grid",
          gap: 2,
          gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "repeat(2, minmax(0, 1fr))" },
        }}
      >
        <Panel title={t("about")}>
          <About study={study} />
        </Panel>
        <BestPanel study={study} />
      </Box>
      <Query of={trials} height={800}>
        {({ items }) => <Charts study={study} trials={items} />}
      </Query>
    </Stack>
  );
}

function Charts({ study, trials }: { study: Study; trials: Trial[] }) {
  const [brushes, setBrushes] = useState<Brushes>({});
  const objectives = useMemo(() => objectivesOf(study), [study]);
  const axes = useMemo(() => axesOf(study.space, objectives, trials), [study.space, objectives, trials]);
  const brush = useCallback(
    (id: string | null, one: Brush | null) =>
      setBrushes((before) => (id === null ? {} : brushed(before, id, one))),
    [],
  );
  // The table follows when there is time: drawing goes first.
  const settled = useDeferredValue(brushes);
  const chosen = useMemo(
    () => (Object.keys(settled).length ? trials.filter((trial) => passes(trial, axes, settled)) : trials),
    [trials, axes, settled],
  );
  const waiting = <Skeleton variant="rounded" height={320} aria-busy="true" />;
  return (
    <>
      <Suspense fallback={waiting}>
        <HistoryPanel trials={trials} objectives={objectives} />
      </Suspense>
      {study.population !== null && (
        <Suspense fallback={waiting}>
          <LineagePanel study={study} />
        </Suspense>
      )}
      <Suspense fallback={waiting}>
        <ParallelPanel {...{ axes, trials, brushes, objectives }} chosen={chosen.length} onBrush={brush} />
      </Suspense>
      <Trials {...{ study, objectives }} all={trials.length} trials={chosen} />
      <Failures study={study} trials={trials} />
      {study.population === null && (
        <Suspense fallback={waiting}>
          <ImportancePanel study={study} />
        </Suspense>
      )}
      <Suspense fallback={waiting}>
        <SlicesPanel study={study} trials={trials} axes={axes} objective={objectives[0]} />
      </Suspense>
      <Suspense fallback={waiting}>
        <CoursesPanel study={study} trials={trials} objective={objectives[0]} />
      </Suspense>
    </>
  );
}

function About({ study }: { study: Study }) {
  const { t } = useTranslation("studies");
  const { completed = 0, pruned = 0, failed = 0, cancelled = 0, running = 0 } = study.counts;
  const done = completed + pruned + failed + cancelled;
  const share = study.trials ? Math.min(100, (100 * done) / study.trials) : 0;
  return (
    <>
      <Typography variant="body2" sx={{ mb: 0.5 }} aria-live="polite">
        {t("counts", { done, all: study.trials, completed, pruned, failed, cancelled, running })}
      </Typography>
      <LinearProgress
        variant="determinate"
        value={share}
        aria-label={t("done")}
        sx={{ mb: 2, height: 8, borderRadius: 4 }}
      />
      <Facts
        columns={3}
        of={[
          [
            t("objective"),
            objectivesOf(study)
              .map((one) => t(`aim.${one.direction}`, { metric: one.metric }))
              .join(", "),
          ],
          [t("sampler"), study.sampler],
          [t("pruner"), study.pruner],
          [t("parameters"), Object.keys(study.space).length],
          [t("workspace"), study.workspace],
          [t("created"), <Ago key="created" at={study.created_at} />],
          [t("finished"), study.finished_at && <Ago key="finished" at={study.finished_at} />],
          [
            t("model"),
            study.model_name && (
              <LinkCell key="model" to={paths.model(study.model_name, study.version ?? undefined)}>
                {study.version ? `${study.model_name} ${study.version}` : study.model_name}
              </LinkCell>
            ),
          ],
          [
            t("job"),
            <LinkCell key="job" to={paths.job(study.job_id)}>
              {study.job_id}
            </LinkCell>,
          ],
        ]}
      />
    </>
  );
}
