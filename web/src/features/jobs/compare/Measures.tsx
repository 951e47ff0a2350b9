import { mdiTrophyOutline } from "@mdi/js";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Empty, Icon, Panel } from "@/components";
import { figure } from "@/lib/format";
import type { Compared } from "./ComparePage";
import { Grid } from "./Grid";
import { measuresOf } from "./measures";

/** The newest value of each metric of each job, the best marked. */
export function Measures({ compared }: { compared: Compared[] }) {
  const { t } = useTranslation("jobs");
  const rows = measuresOf(compared.map(({ job }) => job.metrics)).map((measure) => ({
    name: measure.name,
    beside: (
      <Typography variant="caption" color="textSecondary" component="div">
        {t(measure.lower ? "compare.lower" : "compare.higher")}
      </Typography>
    ),
    cells: measure.values.map((value, at) =>
      measure.best.has(at) ? (
        <Box component="strong" sx={{ display: "inline-flex", gap: 0.5, alignItems: "center" }}>
          {figure(value)}
          <Icon path={mdiTrophyOutline} label={t("compare.best")} color="success" fontSize="small" />
        </Box>
      ) : (
        figure(value)
      ),
    ),
  }));
  return (
    <Panel title={t("compare.metrics")} flush>
      {rows.length === 0 ? (
        <Empty title={t("compare.noMetrics")} />
      ) : (
        <Grid label={t("compare.metrics")} head={t("compare.metric")} compared={compared} rows={rows} />
      )}
    </Panel>
  );
}
