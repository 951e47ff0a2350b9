import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { LinkCell, Panel } from "@/components";
import { paths } from "@/lib/paths";
import { groupReasons } from "./failures";
import type { Study, Trial } from "./values";

const MOST_LINKS = 20;

/** Why trials failed, each reason once. */
export function FailuresPanel({ study, trials }: { study: Study; trials: Trial[] }) {
  const { t } = useTranslation("studies");
  const groups = useMemo(() => groupReasons(trials), [trials]);
  if (groups.length === 0 && !study.counts.failed) return null;
  return (
    <Panel title={t("failures", { count: groups.reduce((sum, group) => sum + group.trials.length, 0) })}>
      <Stack component="ul" spacing={1.5} sx={{ m: 0, pl: 2.5 }}>
        {groups.map((group) => (
          <Box component="li" key={group.pattern}>
            <Typography variant="body2" sx={{ whiteSpace: "pre-wrap", fontWeight: 600 }}>
              {group.example || t("noReason")}
            </Typography>
            <Typography variant="body2" component="div">
              {t("failedTrials", { count: group.trials.length })}{" "}
              {group.trials.slice(0, MOST_LINKS).map((trial, at) => (
                <span key={trial.number}>
                  {at > 0 && ", "}
                  {trial.job_id ? (
                    <LinkCell to={paths.job(trial.job_id)}>{trial.number}</LinkCell>
                  ) : (
                    trial.number
                  )}
                </span>
              ))}
              {group.trials.length > MOST_LINKS && " …"}
            </Typography>
          </Box>
        ))}
      </Stack>
    </Panel>
  );
}
