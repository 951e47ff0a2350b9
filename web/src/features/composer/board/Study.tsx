import FormHelperText from "@mui/material/FormHelperText";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import { STUDY } from "../spec/fields";
import { wrongAt } from "../spec/spec";
import { directionOf, METRICS, objectiveOf } from "../spec/tuning";
import { useBoard } from "../state";
import { Grid } from "./Grid";
import { SpecFields } from "./SpecField";

/** What a study searches for, and how. */
export function Study() {
  const { t } = useTranslation("composer");
  const { job, set, refused } = useBoard();
  if (job.kind !== "tune") return null;
  const objective = objectiveOf(job);
  const change = (metric: string, direction: string) => set(["tune", "objective"], { metric, direction });
  const wrong = wrongAt(refused, ["tune", "objective"]);
  const whole = refused.find((one) => one.field === "tune" || one.field === "tune.space");
  return (
    <Panel title={t("study.title")}>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
        {t("study.what")}
      </Typography>
      <Grid>
        {objective.several ? (
          <Typography variant="body2">{t("study.several")}</Typography>
        ) : (
          <>
            <TextField
              label={t("study.metric")}
              value={objective.metric}
              error={wrong !== undefined}
              helperText={wrong ?? " "}
              onChange={(event) => change(event.target.value, directionOf(event.target.value))}
              slotProps={{ htmlInput: { list: "study-metrics", autoComplete: "off" } }}
            />
            <datalist id="study-metrics">
              {METRICS.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
            <TextField
              select
              label={t("study.direction")}
              value={objective.direction}
              helperText=" "
              onChange={(event) => change(objective.metric, event.target.value)}
              slotProps={{ select: { native: true } }}
            >
              <option value="maximize">{t("study.maximize")}</option>
              <option value="minimize">{t("study.minimize")}</option>
            </TextField>
          </>
        )}
        <SpecFields of={STUDY} />
      </Grid>
      {whole && <FormHelperText error>{whole.message}</FormHelperText>}
    </Panel>
  );
}
