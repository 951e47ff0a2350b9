import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import { useTranslation } from "react-i18next";
import { Empty, ErrorNote, Facts, Panel } from "@/components";
import { number } from "@/lib/format";
import { ENDED, type Job, useEvaluation, useFiles, usePlots } from "../queries";
import { isLoose, list, loose, num, shown, text } from "../shape";
import { Confusion, PerClass } from "./Confusion";
import { Files, Formats } from "./Files";
import { Importance } from "./Importance";
import { Leaderboard } from "./Leaderboard";
import { Plots } from "./Plots";
import { ScoreCurves } from "./ScoreCurves";

/** What a job has come to: what was measured of its model, pictures, and what it left. */
export function ResultsTab({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const measured = Object.keys(job.evaluation ?? {}).length > 0;
  const evaluation = useEvaluation(job.job_id, measured);
  const plots = usePlots(job.job_id);
  const files = useFiles(job.job_id);
  const found = loose(evaluation.data?.evaluation);
  const auto = job.spec.algorithm === "auto";
  const nothing =
    !measured && !auto && !job.formats.length && plots.data?.length === 0 && files.data?.length === 0;
  if (nothing)
    return (
      <Empty title={t("results.none")}>
        {t(ENDED.has(job.status) ? "results.noneEver" : "results.noneYet")}
      </Empty>
    );
  return (
    <Stack sx={{ gap: 2 }}>
      {evaluation.isError && <ErrorNote error={evaluation.error} onRetry={() => void evaluation.refetch()} />}
      {evaluation.data && <Measured job={job} found={found} />}
      {auto && <Leaderboard job={job} />}
      <Box
        sx={{
          display: "grid",
          gap: 2,
          alignItems: "start",
          gridTemplateColumns: "repeat(auto-fit, minmax(min(100%, 420px), 1fr))",
        }}
      >
        <Confusion labels={list(found.labels).map(shown)} counts={list(found.confusion)} />
        <ScoreCurves curves={list(loose(found.details).curves).filter(isLoose)} />
        <Importance found={loose(loose(found.details).importance)} />
        <PerClass rows={list(found.per_class).filter(isLoose)} />
      </Box>
      <Plots plots={plots.data ?? []} />
      {job.formats.length > 0 && <Formats formats={job.formats} />}
      <Files job={job} files={files.data ?? []} />
    </Stack>
  );
}

function Measured({ job, found }: { job: Job; found: Record<string, unknown> }) {
  const { t } = useTranslation("job");
  const split = loose(found.split);
  const rows = loose(split.rows);
  const folds = loose(found.cross_validation ?? found.folds);
  return (
    <Panel title={t("results.evaluation")}>
      <Facts
        columns={4}
        of={[
          ...Object.entries(job.metrics).map(([name, value]): [string, string] => [name, number(value, 4)]),
          [t("results.task"), text(found.task)],
          [t("results.target"), text(found.target)],
          [t("results.heldOut"), number(num(found.held_out_rows))],
          [t("results.split"), text(split.by)],
          [t("results.trainRows"), num(rows.train) === null ? null : number(num(rows.train))],
          ...Object.entries(folds)
            .filter(([, value]) => typeof value === "number")
            .map(([name, value]): [string, string] => [name, number(num(value), 4)]),
        ]}
      />
    </Panel>
  );
}
