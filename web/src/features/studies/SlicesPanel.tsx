import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
import { memo, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel } from "@/components";
import type { Axis } from "./axes";
import DotChart from "./charts/DotChart";
import { useImportance } from "./queries";
import { rangeOf, sliceOf } from "./slices";
import { type Objective, shown, type Study, type Trial } from "./values";

const FIRST = 6;

interface Props {
  study: Study;
  trials: Trial[];
  axes: Axis[];
  objective: Objective | undefined;
}

/** The objective over each hyperparameter, the most important ones first. */
function SlicesPanel({ study, trials, axes, objective }: Props) {
  const { t } = useTranslation("studies");
  const [all, setAll] = useState(false);
  const importance = useImportance(study).data?.items;
  const parameters = useMemo(() => {
    const ranks = new Map(importance?.map((one, at) => [one.name, at]));
    const rank = (axis: Axis) => ranks.get(axis.label) ?? Infinity;
    const own = axes.filter((axis) => axis.id.startsWith("p:"));
    return ranks.size ? own.sort((one, other) => rank(one) - rank(other)) : own;
  }, [axes, importance]);
  if (!objective) return null;
  const seen = all ? parameters : parameters.slice(0, FIRST);
  const more = parameters.length > FIRST && (
    <Button onClick={() => setAll(!all)}>
      {all ? t("fewer") : t("showAll", { count: parameters.length })}
    </Button>
  );
  const any = axes.some((axis) => axis.id === "o:0");
  return (
    <Panel title={t("slices", { metric: objective.metric })} actions={any && more}>
      {any ? (
        <Box
          sx={{
            display: "grid",
            gap: 2,
            gridTemplateColumns: "repeat(auto-fill, minmax(min(320px, 100%), 1fr))",
          }}
        >
          {seen.map((axis) => (
            <One key={axis.id} axis={axis} trials={trials} metric={objective.metric} />
          ))}
        </Box>
      ) : (
        <Empty title={t("noValues")}>{t("noValuesHint")}</Empty>
      )}
    </Panel>
  );
}

function One({ axis, trials, metric }: { axis: Axis; trials: Trial[]; metric: string }) {
  const { t } = useTranslation("studies");
  const slice = useMemo(() => sliceOf(trials, axis), [trials, axis]);
  const series = useMemo(
    () => [
      { label: t("completed"), values: slice.completed, color: 0 },
      { label: t("pruned"), values: slice.pruned, color: 1 },
    ],
    [slice, t],
  );
  return (
    <Box sx={{ minWidth: 0, contentVisibility: "auto", containIntrinsicSize: "auto 230px" }}>
      <Typography variant="h3" noWrap title={axis.label}>
        {axis.label}
      </Typography>
      <DotChart
        label={t("sliceSummary", { metric, name: axis.label, count: slice.x.length })}
        x={slice.x}
        series={series}
        xLabel={axis.log ? `${axis.label} (log)` : axis.label}
        yLabel={metric}
        range={rangeOf(axis)}
        logarithmic={axis.log}
        {...(axis.categories ? { categories: axis.categories.map(shown) } : {})}
        height={200}
        legend={false}
      />
    </Box>
  );
}

export default memo(SlicesPanel);
