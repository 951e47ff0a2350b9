import Box from "@mui/material/Box";
import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useSeriesColors } from "@/components/charts/LineChart";
import { figure } from "@/lib/format";
import { SERIES_DARK } from "@/theme";

export interface Dots {
  label: string;
  values: (number | null)[];
  /** A line of steps instead of dots. */
  steps?: boolean;
  /** Its colour's place among the theme's; default: its own place. */
  color?: number;
}

interface Props {
  /** What it shows, for people who do not see it. */
  label: string;
  /** Ascending. */
  x: number[];
  series: Dots[];
  xLabel: string;
  yLabel: string;
  /** Both ends of the x axis. */
  range?: [number, number];
  logarithmic?: boolean;
  /** What to write at 0, 1, 2 ... of the x axis. */
  categories?: string[];
  height?: number;
  legend?: boolean;
}

const FONT = "12px system-ui, sans-serif";

/** Dots on a canvas: thousands of them cost little. */
export default function DotChart(props: Props) {
  const { label, x, series, height = 240 } = props;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const colors = useSeriesColors();
  const data = useMemo(() => [x, ...series.map((one) => one.values)] as uPlot.AlignedData, [x, series]);
  const latest = useRef(data);
  useEffect(() => {
    latest.current = data;
    plot.current?.setData(data);
  }, [data]);
  const shape = JSON.stringify([
    series.map((one) => [one.label, one.steps, one.color]),
    [props.xLabel, props.yLabel, props.range, props.logarithmic, props.categories, props.legend, height],
  ]);
  useEffect(() => {
    const box = frame.current;
    if (box === null) return;
    const one = new uPlot(optionsOf(props, colors, box.clientWidth, height), latest.current, box);
    plot.current = one;
    const sized = new ResizeObserver(() => one.setSize({ width: Math.max(box.clientWidth, 120), height }));
    sized.observe(box);
    return () => {
      sized.disconnect();
      one.destroy();
      plot.current = null;
    };
    // `shape` stands for the properties but for the values, which need no new chart.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape, colors]);
  return (
    <Box
      ref={frame}
      role="img"
      aria-label={label}
      sx={{ width: "100%", minHeight: height, "& .u-legend": { fontSize: 12, textAlign: "left" } }}
    />
  );
}

function optionsOf(props: Props, colors: string[], width: number, height: number): uPlot.Options {
  const { series, range, categories, logarithmic = false, legend = true } = props;
  const dark = colors === SERIES_DARK;
  const faint = { stroke: dark ? "#2a323d" : "#e3e6ea", width: 1 };
  const axis = {
    stroke: dark ? "#aab2bd" : "#4d5560",
    grid: faint,
    ticks: faint,
    font: FONT,
    labelFont: FONT,
    labelSize: 18,
  };
  const named = categories && {
    splits: () => categories.map((_, at) => at),
    values: (_: uPlot, splits: number[]) => splits.map((at) => short(categories[at] ?? "")),
  };
  const plain = {
    values: (_: uPlot, ticks: (number | null)[]) => ticks.map((one) => (one === null ? "" : figure(one))),
  };
  return {
    width: Math.max(width, 120),
    height,
    scales: {
      x: { time: false, distr: logarithmic ? 3 : 1, ...(range ? { range } : {}) },
    },
    axes: [
      { ...axis, label: props.xLabel, ...(named ?? plain) },
      { ...axis, label: props.yLabel, size: 56, ...plain },
    ],
    series: [
      { label: props.xLabel, value: (_, value: number | null) => figure(value) },
      ...series.map((one, at) => seriesOf(one, colors[(one.color ?? at) % colors.length]!)),
    ],
    legend: { show: legend, live: legend },
    cursor: { drag: { x: false, y: false } },
  };
}

function seriesOf(one: Dots, color: string): uPlot.Series {
  const common = {
    label: one.label,
    stroke: color,
    value: (_: uPlot, value: number | null) => figure(value),
  };
  if (one.steps) {
    const paths = uPlot.paths.stepped?.({ align: 1 });
    return { ...common, width: 2, points: { show: false }, spanGaps: true, ...(paths ? { paths } : {}) };
  }
  const points = { show: true, size: 6, width: 1, stroke: color, fill: `${color}66` };
  return { ...common, paths: () => null, points };
}

function short(text: string): string {
  return text.length > 14 ? `${text.slice(0, 13)}…` : text;
}
