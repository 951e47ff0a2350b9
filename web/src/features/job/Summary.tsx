import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Facts, LinkCell, Panel, StatusChip } from "@/components";
import { between, dateTime, duration, figure, number, percent } from "@/lib/format";
import { paths } from "@/lib/paths";
import { type Job, useStudy, useWhy } from "./queries";

const FIRST = 12;

export function Summary({ job }: { job: Job }) {
  return (
    <Stack sx={{ gap: 2, minWidth: 0 }}>
      {job.kind === "tune" && <StudySummary job={job} />}
      {Object.keys(job.metrics).length > 0 && <LastMetrics job={job} />}
      <About job={job} />
      {job.kind !== "tune" && <LastHang job={job} />}
    </Stack>
  );
}

function LastMetrics({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const [all, setAll] = useState(false);
  const found = Object.entries(job.metrics).sort(([a], [b]) => a.localeCompare(b));
  return (
    <Panel title={t(job.status === "completed" ? "summary.final" : "summary.latest")}>
      <Box
        component="dl"
        sx={{ m: 0, display: "grid", gridTemplateColumns: "1fr auto", columnGap: 2, rowGap: 0.25 }}
      >
        {found.slice(0, all ? undefined : FIRST).map(([name, value]) => (
          <Box key={name} sx={{ display: "contents" }}>
            <Typography component="dt" variant="body2" color="textSecondary">
              {name}
            </Typography>
            <Typography
              component="dd"
              variant="body2"
              sx={{ m: 0, textAlign: "right", fontVariantNumeric: "tabular-nums" }}
            >
              {figure(value)}
            </Typography>
          </Box>
        ))}
      </Box>
      {found.length > FIRST && (
        <Button onClick={() => setAll(!all)} aria-expanded={all} sx={{ mt: 1, ml: -0.5 }}>
          {all ? t("summary.fewer") : t("summary.all", { count: found.length })}
        </Button>
      )}
    </Panel>
  );
}

function About({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const { dataset } = job;
  const rates = job.throughput ?? {};
  const named = (text: unknown) => (typeof text === "string" ? text : null);
  return (
    <Panel title={t("summary.about")}>
      <Facts
        columns={2}
        of={[
          [
            t("summary.dataset"),
            dataset && (
              <LinkCell to={paths.dataset(dataset.name, dataset.version)}>
                {`${dataset.name}@${dataset.version}`}
              </LinkCell>
            ),
          ],
          [
            t("summary.model"),
            job.model_name && job.version !== null ? (
              <LinkCell to={paths.model(job.model_name, job.version)}>{job.model_id}</LinkCell>
            ) : (
              job.model_name
            ),
          ],
          [t("summary.algorithm"), named(job.spec.algorithm)],
          [t("summary.entrypoint"), named(job.spec.entrypoint)],
          [t("summary.workers"), number(job.workers)],
          [t("summary.priority"), job.priority],
          [t("summary.attempt"), job.attempt > 0 ? number(job.attempt) : null],
          [t("summary.lost"), job.steps_lost > 0 ? number(job.steps_lost) : null],
          [
            t("summary.steps"),
            rates.steps_per_second === undefined ? null : number(rates.steps_per_second, 1),
          ],
          [t("summary.rows"), rates.rows_per_second === undefined ? null : number(rates.rows_per_second, 1)],
          [t("summary.waited"), duration(between(job.created_at, job.started_at))],
          [t("summary.started"), job.started_at && dateTime(job.started_at)],
          [t("summary.finished"), job.finished_at && dateTime(job.finished_at)],
        ]}
      />
    </Panel>
  );
}

/** A job that hung once may well hang again: that it runs now is no reason to hide it. */
function LastHang({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const hang = useWhy(job.job_id, job.attempt > 0).data?.last_hang;
  if (!hang) return null;
  return (
    <Panel title={t("hang.title")}>
      <Typography variant="body2" sx={{ mb: 1 }}>
        {hang.message}
      </Typography>
      <Facts
        of={[
          [t("hang.attempt"), hang.attempt],
          [t("hang.culprits"), (hang.culprits ?? []).join(", ")],
          [t("hang.line"), hang.line],
        ]}
      />
    </Panel>
  );
}

function StudySummary({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const study = useStudy(job.job_id).data;
  if (!study) return null;
  const best = study.best[0];
  return (
    <Panel
      title={t("study.title")}
      actions={<LinkCell to={paths.study(job.job_id)}>{t("header.openStudy")}</LinkCell>}
    >
      <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", gap: 0.5, mb: 1 }}>
        {Object.entries(study.counts).map(([state, count]) => (
          <Stack key={state} direction="row" sx={{ alignItems: "center", gap: 0.5, mr: 1 }}>
            <StatusChip status={state} /> {number(count)}
          </Stack>
        ))}
      </Stack>
      <Facts
        of={[
          [t("study.progress"), `${percent(study.progress)} · ${t("study.trials", { count: study.trials })}`],
          [t("study.sampler"), study.sampler],
          [t("study.pruner"), study.pruner],
          [
            t("study.best"),
            best && (
              <>
                {figure(best.value)}{" "}
                {best.job_id && (
                  <LinkCell to={paths.job(best.job_id)}>
                    {t("header.trial", { number: best.number })}
                  </LinkCell>
                )}
              </>
            ),
          ],
          ...Object.entries(best?.params ?? {}).map(([name, value]): [string, string] => [
            name,
            JSON.stringify(value),
          ]),
        ]}
      />
    </Panel>
  );
}
