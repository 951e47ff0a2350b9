import Box from "@mui/material/Box";
import { useColorScheme, useTheme } from "@mui/material/styles";
import { useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { figure, instant } from "@/lib/format";
import { SERIES_DARK, SERIES_LIGHT } from "@/theme";

export interface Line {
  label: string;
  /** null: no value there. */
  values: (number | null)[];
  /** One of the theme's, by default by its place. */
  color?: string;
  dashed?: boolean;
}

interface Props {
  /** What it shows, for people who do not see it; the last values are added. */
  label: string;
  /** Ascending; steps, or seconds since 1970 with `time`. */
  x: number[];
  lines: Line[];
  height?: number;
  time?: boolean;
  /** Of the axis, in the legend; "step" or "time" by default. */
  xLabel?: string;
  logarithmic?: boolean;
  /** The range of x that was chosen with the mouse; null: all again (a double click). */
  onZoom?: (range: [number, number] | null) => void;
  /** Charts with the same word move their crosshairs together. */
  together?: string;
  /** Of the y axis, if it is to hold them whatever the values are. */
  range?: [number | null, number | null];
}

export function useSeriesColors(): string[] {
  const { mode, systemMode } = useColorScheme();
  return (mode === "system" ? systemMode : mode) === "dark" ? SERIES_DARK : SERIES_LIGHT;
}

/** Lines on a canvas: a hundred thousand points, and new ones many times a second, cost little. */
export function LineChart(props: Props) {
  const { label, x, lines, height = 220, time = false, logarithmic = false, together, onZoom, range } = props;
  const { t } = useTranslation("components");
  const xLabel = props.xLabel ?? t(time ? "chart.time" : "chart.step");
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const zoomed = useRef(onZoom);
  const colors = useSeriesColors();
  const theme = useTheme();
  useEffect(() => {
    zoomed.current = onZoom;
  });
  const shape = JSON.stringify([
    lines.map((line) => [line.label, line.color, line.dashed]),
    time,
    logarithmic,
    height,
    together,
    range,
    xLabel,
  ]);
  const data = useMemo(() => [x, ...lines.map((line) => line.values)] as uPlot.AlignedData, [x, lines]);
  const latest = useRef(data);
  useEffect(() => {
    latest.current = data;
    plot.current?.setData(data);
  }, [data]);
  useEffect(() => {
    const box = frame.current;
    if (box === null) return;
    const dark = colors === SERIES_DARK;
    const axis = {
      stroke: dark ? "#aab2bd" : "#4d5560",
      grid: { stroke: dark ? "#2a323d" : "#e3e6ea", width: 1 },
      ticks: { stroke: dark ? "#2a323d" : "#e3e6ea", width: 1 },
      font: "12px system-ui, sans-serif",
    };
    const options: uPlot.Options = {
      width: Math.max(box.clientWidth, 120),
      height,
      scales: {
        x: { time },
        y: {
          distr: logarithmic ? 3 : 1,
          ...(range ? { range: (_, low, high) => [range[0] ?? low, range[1] ?? high] } : {}),
        },
      },
      axes: [
        time
          ? {
              ...axis,
              space: 80,
              values: (_, ticks) =>
                ticks.map((tick) => instant(tick, (ticks.at(-1) ?? tick) - (ticks[0] ?? tick))),
            }
          : axis,
        { ...axis, size: 60, values: (_, ticks) => ticks.map((tick) => (tick == null ? "" : figure(tick))) },
      ],
      series: [
        { label: xLabel, value: (_, at) => (at == null ? "–" : time ? instant(at, 0) : figure(at)) },
        ...lines.map((line, at) => ({
          label: line.label,
          stroke: line.color ?? colors[at % colors.length]!,
          width: 1.75,
          spanGaps: true,
          points: { show: x.length < 60, size: 5 },
          ...(line.dashed ? { dash: [6, 4] } : {}),
          value: (_: uPlot, value: number | null) => figure(value),
        })),
      ],
      legend: { show: true, live: true },
      cursor: {
        drag: { x: true, y: false, setScale: false },
        ...(together ? { sync: { key: together } } : {}),
      },
      hooks: {
        setSelect: [
          (one) => {
            if (one.select.width < 4) return;
            zoomed.current?.([
              one.posToVal(one.select.left, "x"),
              one.posToVal(one.select.left + one.select.width, "x"),
            ]);
            one.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    };
    const one = new uPlot(options, latest.current, box);
    plot.current = one;
    const all = () => zoomed.current?.(null);
    one.over.addEventListener("dblclick", all);
    const sized = new ResizeObserver(() => one.setSize({ width: Math.max(box.clientWidth, 120), height }));
    sized.observe(box);
    return () => {
      sized.disconnect();
      one.destroy();
      plot.current = null;
    };
    // What the lines are called and look like makes a new chart; their values do not.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape, colors, theme]);
  const lasts = lines.map(
    (line) => `${line.label}: ${figure(line.values.findLast((value) => value !== null))}`,
  );
  return (
    <Box
      ref={frame}
      role="img"
      aria-label={`${label}. ${lasts.join("; ")}`}
      sx={{ width: "100%", minHeight: height, "& .u-legend": { fontSize: 12, textAlign: "left" } }}
    />
  );
}
