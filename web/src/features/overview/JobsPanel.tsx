import Box from "@mui/material/Box";
import LinearProgress from "@mui/material/LinearProgress";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Ago, Empty, LinkCell, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { figure, percent } from "@/lib/format";
import { mainMetric } from "@/lib/metrics";
import { paths } from "@/lib/paths";
import { SHOWN, useSome, useWhy } from "./queries";

type Job = Schemas["JobRead"];
const LINE = 58;
const HEIGHT = SHOWN * LINE;

/** Jobs of one status: how far they are, or why they are as they are. */
export function JobsPanel({ status }: { status: "running" | "queued" | "failed" }) {
  const { t } = useTranslation("overview");
  const found = useSome(status);
  return (
    <Panel
      title={t(`jobs.${status}`)}
      actions={<LinkCell to={`${paths.jobs}?status=${status}`}>{t(`jobs.all.${status}`)}</LinkCell>}
    >
      {/* As high as it can get: nothing below it moves when jobs come and go. */}
      <Box sx={{ minHeight: { xs: 0, md: HEIGHT } }}>
        <Query of={found} height={HEIGHT}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={t(`jobs.none.${status}`)} />
            ) : (
              <Box component="ul" sx={{ m: 0, p: 0, listStyle: "none" }}>
                {items.map((job) => (
                  <Line key={job.job_id} job={job} />
                ))}
              </Box>
            )
          }
        </Query>
      </Box>
    </Panel>
  );
}

function Line({ job }: { job: Job }) {
  const metric = mainMetric(job);
  const running = job.status === "running";
  return (
    <Box component="li" sx={{ minHeight: LINE, pb: 1, minWidth: 0 }}>
      <Box sx={{ display: "flex", gap: 1, justifyContent: "space-between" }}>
        <LinkCell
          to={paths.job(job.job_id)}
          sx={{ overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" }}
        >
          {job.name}
        </LinkCell>
        <Typography variant="body2" color="textSecondary" noWrap sx={{ flexShrink: 0, maxWidth: "60%" }}>
          {running ? (
            <>
              {metric && `${metric.name} ${figure(metric.value)}, `}
              {percent(job.progress)}
            </>
          ) : (
            <Ago at={job.finished_at ?? job.created_at} />
          )}
        </Typography>
      </Box>
      {running ? (
        <Progress job={job} />
      ) : job.status === "queued" ? (
        <Why job={job} />
      ) : (
        <Reason text={job.error?.message ?? job.reason} />
      )}
    </Box>
  );
}

function Why({ job }: { job: Job }) {
  const why = useWhy(job.job_id);
  return <Reason text={why.data ?? job.reason} />;
}

function Reason({ text }: { text: string | null }) {
  return (
    <Typography variant="body2" color="textSecondary" sx={CLAMPED} title={text ?? undefined}>
      {text ?? "–"}
    </Typography>
  );
}

const CLAMPED = {
  display: "-webkit-box",
  WebkitLineClamp: 2,
  WebkitBoxOrient: "vertical",
  overflow: "hidden",
} as const;

function Progress({ job }: { job: Job }) {
  const { t } = useTranslation("overview");
  return (
    <LinearProgress
      variant="determinate"
      value={Math.round(job.progress * 100)}
      aria-label={t("jobs.progress", { name: job.name })}
      sx={{ mt: 1, height: 6, borderRadius: 3 }}
    />
  );
}
