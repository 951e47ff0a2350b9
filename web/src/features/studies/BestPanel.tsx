import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Empty, Facts, LinkCell, Panel } from "@/components";
import { figure } from "@/lib/format";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { objectivesOf, shown, type Study, type Trial, valueOf } from "./values";

const MOST = 5;

/** The best trial; with several objectives all that no other one beats in everything. */
export function BestPanel({ study }: { study: Study }) {
  const { t } = useTranslation("studies");
  return (
    <Panel title={t("bestSoFar")}>
      {study.best.length === 0 ? (
        <Empty title={t("noBest")}>{t("noBestHint")}</Empty>
      ) : (
        <Stack
          spacing={2}
          sx={{ maxHeight: 360, overflow: "auto" }}
          tabIndex={0}
          role="group"
          aria-label={t("bestSoFar")}
        >
          {study.best.length > 1 && (
            <Typography variant="body2">{t("front", { count: study.best.length })}</Typography>
          )}
          {study.best.slice(0, MOST).map((trial) => (
            <Best key={trial.number} study={study} trial={trial} />
          ))}
        </Stack>
      )}
    </Panel>
  );
}

function Best({ study, trial }: { study: Study; trial: Trial }) {
  const { t } = useTranslation("studies");
  const { may } = useSession();
  const job = trial.job_id;
  return (
    <Box>
      <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", gap: 1.5, alignItems: "baseline", mb: 1 }}>
        {objectivesOf(study).map((one, at) => (
          <span key={one.metric}>
            <Typography component="span" sx={{ fontSize: "1.5rem", fontWeight: 650 }}>
              {figure(valueOf(trial, at))}
            </Typography>{" "}
            <Typography component="span" variant="body2" color="textSecondary">
              {one.metric}
            </Typography>
          </span>
        ))}
        {job ? (
          <LinkCell to={paths.job(job)}>{t("trial", { number: trial.number })}</LinkCell>
        ) : (
          t("trial", { number: trial.number })
        )}
        {job && may("jobs:write", study.workspace) && (
          <Button
            component={Link}
            to={`${paths.newJob}?from=${encodeURIComponent(job)}`}
            variant="contained"
            aria-label={study.best.length > 1 ? t("useTrial", { number: trial.number }) : undefined}
          >
            {t("use")}
          </Button>
        )}
      </Stack>
      <Facts columns={3} of={Object.entries(trial.params).map(([name, value]) => [name, shown(value)])} />
    </Box>
  );
}
