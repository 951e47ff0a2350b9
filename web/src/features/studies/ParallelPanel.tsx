import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Collapse from "@mui/material/Collapse";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel } from "@/components";
import type { Axis } from "./axes";
import type { Brush, Brushes } from "./brush";
import { BrushFields } from "./BrushFields";
import { ParallelChart } from "./charts/ParallelChart";
import { Scale } from "./charts/Scale";
import type { Objective, Trial } from "./values";

interface Props {
  axes: Axis[];
  trials: Trial[];
  objectives: Objective[];
  brushes: Brushes;
  /** How many trials pass the brushes. */
  chosen: number;
  /** Another brush on an axis, or (null) none; without an axis: none on any. */
  onBrush: (id: string | null, brush: Brush | null) => void;
}

/** One line for each trial, over an axis for each hyperparameter and objective. */
export default function ParallelPanel({ axes, trials, objectives, brushes, chosen, onBrush }: Props) {
  const { t } = useTranslation("studies");
  const [fields, setFields] = useState(false);
  const id = useId();
  const drawn = useMemo(() => trials.filter((trial) => trial.state === "completed"), [trials]);
  const count = Object.keys(brushes).length;
  const value = axes.find((axis) => axis.id === "o:0");
  const actions = (
    <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap" }}>
      <Button aria-expanded={fields} aria-controls={id} onClick={() => setFields(!fields)}>
        {t("byNumbers")}
      </Button>
      <Button disabled={count === 0} onClick={() => onBrush(null, null)}>
        {t("clearFilters")}
      </Button>
    </Stack>
  );
  return (
    <Panel title={t("parallel")} actions={actions}>
      {drawn.length === 0 || !value ? (
        <Empty title={t("noValues")}>{t("noValuesHint")}</Empty>
      ) : (
        <>
          <Box sx={{ display: "flex", flexWrap: "wrap", gap: 2, mb: 1, justifyContent: "space-between" }}>
            <Typography variant="body2" color="textSecondary">
              {t("brushHint")}
            </Typography>
            <Scale axis={value} objective={objectives[0]} />
          </Box>
          <ParallelChart {...{ axes, brushes, onBrush, objectives }} trials={drawn} />
        </>
      )}
      <Typography variant="body2" role="status" sx={{ mt: 1 }}>
        {count > 0 ? t("chosen", { chosen, all: trials.length, count }) : ""}
      </Typography>
      <Collapse in={fields} id={id} unmountOnExit>
        <BrushFields axes={axes} brushes={brushes} onBrush={onBrush} />
      </Collapse>
    </Panel>
  );
}
