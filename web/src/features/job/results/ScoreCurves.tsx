import Box from "@mui/material/Box";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import { useSeriesColors } from "@/components/charts/LineChart";
import { figure } from "@/lib/format";
import { type Loose, loose, num, numbers, shown } from "../shape";

type Kind = "roc" | "pr";
const MOST_LINES = 8;
const [SIZE, PAD] = [300, 36];

/** How the classes are told apart at all thresholds, drawn from what was measured. */
export function ScoreCurves({ curves }: { curves: Loose[] }) {
  const { t } = useTranslation("job");
  const [kind, setKind] = useState<Kind>("roc");
  const colors = useSeriesColors();
  if (curves.length === 0) return null;
  const shownCurves = curves.slice(0, MOST_LINES);
  const area = (one: Loose) => figure(num(kind === "roc" ? one.auc : one.average_precision));
  const [across, up] = kind === "roc" ? ["falsePositives", "truePositives"] : ["recall", "precision"];
  const name = t(`results.${kind}`);
  return (
    <Panel
      title={t("results.curves")}
      actions={
        <TextField
          select
          label={t("results.curve")}
          value={kind}
          onChange={({ target }) => setKind(target.value as Kind)}
        >
          <MenuItem value="roc">{t("results.roc")}</MenuItem>
          <MenuItem value="pr">{t("results.pr")}</MenuItem>
        </TextField>
      }
    >
      <Box sx={{ display: "flex", flexWrap: "wrap", gap: 2, mt: 1 }}>
        <Box sx={{ flex: "1 1 260px", maxWidth: 420 }}>
          <svg
            viewBox={`0 0 ${SIZE} ${SIZE}`}
            role="img"
            aria-label={`${name}. ${shownCurves.map((one) => `${shown(one.class)}: ${area(one)}`).join("; ")}`}
            width="100%"
          >
            <Grid diagonal={kind === "roc"} />
            {shownCurves.map((one, at) => (
              <polyline
                key={at}
                points={pointsOf(one, kind)}
                fill="none"
                stroke={colors[at % colors.length]}
                strokeWidth={1.75}
                strokeDasharray={at >= colors.length / 2 ? "6 3" : undefined}
              />
            ))}
          </svg>
          <Typography variant="caption" color="textSecondary">
            {t("results.axes", { across: t(`results.figures.${across}`), up: t(`results.figures.${up}`) })}
          </Typography>
        </Box>
        <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
          {shownCurves.map((one, at) => (
            <Typography key={at} component="li" variant="body2">
              <svg width="22" height="10" aria-hidden>
                <line
                  x1="0"
                  x2="22"
                  y1="5"
                  y2="5"
                  stroke={colors[at % colors.length]}
                  strokeWidth="3"
                  strokeDasharray={at >= colors.length / 2 ? "6 3" : undefined}
                />
              </svg>{" "}
              {shown(one.class)}: {area(one)}
            </Typography>
          ))}
          {curves.length > MOST_LINES && (
            <Typography component="li" variant="caption" color="textSecondary">
              {t("results.moreClasses", { count: curves.length - MOST_LINES })}
            </Typography>
          )}
        </Box>
      </Box>
    </Panel>
  );
}

const toX = (value: number) => PAD + value * (SIZE - PAD - 8);
const toY = (value: number) => SIZE - PAD / 2 - value * (SIZE - PAD / 2 - 8);

function pointsOf(curve: Loose, kind: Kind): string {
  const found = loose(curve[kind]);
  const xs = numbers(kind === "roc" ? found.false_positive_rate : found.recall);
  const ys = numbers(kind === "roc" ? found.true_positive_rate : found.precision);
  const places = xs
    .map((x, at) => [x, ys[at] ?? NaN] as const)
    .filter(([x, y]) => x >= 0 && x <= 1 && y >= 0 && y <= 1);
  return places.map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`).join(" ");
}

function Grid({ diagonal }: { diagonal: boolean }) {
  const line = "var(--mui-palette-divider)";
  return (
    <>
      {[0, 0.25, 0.5, 0.75, 1].map((at) => (
        <g key={at}>
          <line x1={toX(0)} x2={toX(1)} y1={toY(at)} y2={toY(at)} stroke={line} />
          <line x1={toX(at)} x2={toX(at)} y1={toY(0)} y2={toY(1)} stroke={line} />
          <text
            x={toX(0) - 4}
            y={toY(at) + 4}
            textAnchor="end"
            fontSize="10"
            fill="var(--mui-palette-text-secondary)"
          >
            {at}
          </text>
          <text
            x={toX(at)}
            y={SIZE - 4}
            textAnchor="middle"
            fontSize="10"
            fill="var(--mui-palette-text-secondary)"
          >
            {at}
          </text>
        </g>
      ))}
      {diagonal && (
        <line
          x1={toX(0)}
          y1={toY(0)}
          x2={toX(1)}
          y2={toY(1)}
          stroke="var(--mui-palette-text-secondary)"
          strokeDasharray="4 4"
        />
      )}
    </>
  );
}
