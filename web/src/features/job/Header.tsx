import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import LinearProgress from "@mui/material/LinearProgress";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Ago, CopyButton, LinkCell, StatusChip, useNow } from "@/components";
import { between, duration, percent } from "@/lib/format";
import { paths } from "@/lib/paths";
import { FailureNote } from "./FailureNote";
import { ENDED, type Job, useOrigin } from "./queries";
import { loose, num, text } from "./shape";
import { WhyNote } from "./WhyNote";

/** Where the job belongs: to the jobs, to a study, to the job that it was made of. */
export function Above({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const origin = useOrigin(job.job_id).data;
  const study = loose(job.study);
  const trial = num(study.trial);
  return (
    <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", columnGap: 1.5, typography: "body2" }}>
      <LinkCell to={paths.jobs}>{t("header.jobs")}</LinkCell>
      {job.kind === "tune" && <LinkCell to={paths.study(job.job_id)}>{t("header.openStudy")}</LinkCell>}
      {text(study.id) && (
        <LinkCell to={paths.study(text(study.id))}>
          {trial === null ? t("header.study") : t("header.trial", { number: trial })}
        </LinkCell>
      )}
      {origin && (
        <LinkCell to={paths.job(origin.job)}>
          {t(`header.${origin.how}`, { job: origin.job, step: origin.step ?? "" })}
        </LinkCell>
      )}
    </Stack>
  );
}

export function Beside({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  return (
    <>
      <StatusChip status={job.status} />
      {job.cancel_requested && !ENDED.has(job.status) && (
        <Chip size="small" variant="outlined" color="warning" label={t("header.cancelling")} />
      )}
      <Chip size="small" variant="outlined" label={t("header.workspace", { name: job.workspace })} />
      <Stack direction="row" sx={{ alignItems: "center" }}>
        <Typography variant="body2" color="textSecondary" sx={{ fontFamily: "monospace" }}>
          {job.job_id}
        </Typography>
        <CopyButton text={job.job_id} what={t("header.id")} />
      </Stack>
    </>
  );
}

/** How far it is and why it is as it is: what people look for first. */
export function Standing({ job }: { job: Job }) {
  return (
    <Stack sx={{ gap: 1.5, mb: 2 }}>
      <ProgressLine job={job} />
      {job.status === "queued" && <WhyNote job={job} />}
      {job.status === "failed" && <FailureNote job={job} />}
    </Stack>
  );
}

function ProgressLine({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const ended = ENDED.has(job.status);
  const now = useNow(1000, !ended);
  const ran = between(job.started_at, job.finished_at, now);
  const color = job.status === "failed" ? "error" : job.status === "completed" ? "success" : "primary";
  return (
    <Box>
      <Stack direction="row" sx={{ alignItems: "center", gap: 1.5 }}>
        <LinearProgress
          variant="determinate"
          color={color}
          value={100 * job.progress}
          aria-label={t("header.progress")}
          sx={{ flex: 1, height: 8, borderRadius: 4 }}
        />
        <Typography variant="body2" sx={{ fontVariantNumeric: "tabular-nums", fontWeight: 600 }}>
          {percent(job.progress, 1)}
        </Typography>
      </Stack>
      <Typography variant="body2" color="textSecondary" component="div" sx={{ mt: 0.5 }}>
        {t("header.submitted")} <Ago at={job.created_at} />
        {ran !== null && ` · ${t(ended ? "header.ranFor" : "header.runsFor", { time: duration(ran) })}`}
        {job.reason && job.status !== "failed" && job.status !== "queued" && ` · ${job.reason}`}
      </Typography>
    </Box>
  );
}
