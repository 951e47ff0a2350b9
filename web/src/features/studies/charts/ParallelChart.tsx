import Box from "@mui/material/Box";
import { useElementWidth } from "./useElementWidth";
import { useDeferredValue, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useSeriesColors } from "@/components/charts/LineChart";
import { SERIES_DARK } from "@/theme";
import { type Axis, position } from "../axes";
import { type Brush, type Brushes, passes } from "../brush";
import type { Objective, Trial } from "../values";
import { AxisView } from "./AxisView";
import { colorOf } from "./ramp";

const HEIGHT = 340;
const TOP = 44;
const BOTTOM = 16;
const LEAST_GAP = 96;
const SIDE = 56;

interface Props {
  axes: Axis[];
  trials: Trial[];
  objectives: Objective[];
  brushes: Brushes;
  onBrush: (id: string, brush: Brush | null) => void;
}

interface Path {
  trial: Trial;
  color: string;
  /** Many lines are fainter each, but for the best. */
  alpha: number;
  /** One for each axis, from 0 to 1; null: it is not on that axis. */
  places: (number | null)[];
}

/** Lines from the worst to the best: what matters most is drawn last, on top. */
function pathsOf({ axes, trials, objectives }: Props, dark: boolean): Path[] {
  const value = axes.find((axis) => axis.id === "o:0");
  const up = objectives[0]?.direction !== "minimize";
  const goodness = (trial: Trial) => {
    const coordinate = value?.read(trial) ?? null;
    if (!value || coordinate === null) return 0;
    const place = position(value, coordinate);
    return up ? place : 1 - place;
  };
  const faint = Math.min(0.9, 6 / Math.sqrt(trials.length + 1));
  return trials
    .map((trial) => ({ trial, good: goodness(trial) }))
    .sort((one, other) => one.good - other.good)
    .map(({ trial, good }) => ({
      trial,
      color: colorOf(good ** 2, dark),
      alpha: Math.min(0.9, faint + (1 - faint) * good ** 6),
      places: axes.map((axis) => {
        const coordinate = axis.read(trial);
        return coordinate === null ? null : position(axis, coordinate);
      }),
    }));
}

function draw(
  canvas: HTMLCanvasElement,
  width: number,
  lines: [Path, boolean][],
  xs: number[],
  dark: boolean,
) {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const sharp = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = width * sharp;
  canvas.height = HEIGHT * sharp;
  context.scale(sharp, sharp);
  context.lineWidth = 1.25;
  // Each line is a stroke of its own: one stroke of them all crosses itself so often that it takes far longer.
  for (const chosen of [false, true]) {
    for (const [path, passed] of lines) {
      if (passed !== chosen) continue;
      context.strokeStyle = chosen ? path.color : dark ? "#262d37" : "#eceef1";
      context.globalAlpha = chosen ? path.alpha : 1;
      context.beginPath();
      trace(context, path.places, xs);
      context.stroke();
    }
  }
}

function trace(context: CanvasRenderingContext2D, places: Path["places"], xs: number[]) {
  let down = false;
  places.forEach((place, at) => {
    if (place !== null) {
      const y = TOP + (1 - place) * (HEIGHT - TOP - BOTTOM);
      if (down) context.lineTo(xs[at]!, y);
      else context.moveTo(xs[at]!, y);
    }
    down = place !== null;
  });
}

export function ParallelChart(props: Props) {
  const { axes, brushes, onBrush, trials } = props;
  const { t } = useTranslation("studies");
  const dark = useSeriesColors() === SERIES_DARK;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [frame, room] = useElementWidth<HTMLDivElement>();
  const gap = Math.max(LEAST_GAP, (room - 2 * SIDE) / Math.max(1, axes.length - 1));
  const width = Math.round(2 * SIDE + gap * (axes.length - 1));
  const xs = useMemo(() => axes.map((_, at) => SIDE + at * gap), [axes, gap]);
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const paths = useMemo(() => pathsOf(props, dark), [axes, trials, props.objectives, dark]);
  // The mark on the axis follows the mouse at once, the lines when there is time.
  const settled = useDeferredValue(brushes);
  useEffect(() => {
    if (canvas.current === null || room === 0) return;
    const lines = paths.map((path): [Path, boolean] => [path, passes(path.trial, axes, settled)]);
    const one = canvas.current;
    // Many moves of the mouse make one drawing.
    const asked = requestAnimationFrame(() => draw(one, width, lines, xs, dark));
    return () => cancelAnimationFrame(asked);
  }, [paths, axes, settled, width, xs, dark, room]);
  return (
    <Box
      ref={frame}
      tabIndex={0}
      role="group"
      aria-label={t("parallel")}
      sx={{ overflowX: "auto", position: "relative" }}
    >
      <Box sx={{ position: "relative", width, height: HEIGHT }}>
        <Box
          component="canvas"
          ref={canvas}
          role="img"
          aria-label={t("parallelSummary", {
            trials: trials.length,
            axes: axes.map((axis) => axis.label).join(", "),
          })}
          style={{ position: "absolute", inset: 0, width, height: HEIGHT }}
        />
        <svg width={width} height={HEIGHT} style={{ position: "absolute", inset: 0 }} aria-hidden>
          {axes.map((axis, at) => (
            <AxisView
              key={axis.id}
              axis={axis}
              x={xs[at]!}
              top={TOP}
              length={HEIGHT - TOP - BOTTOM}
              gap={gap}
              brush={brushes[axis.id]}
              onBrush={onBrush}
            />
          ))}
        </svg>
      </Box>
    </Box>
  );
}
