import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { flushSync } from "react-dom";
import { useTranslation } from "react-i18next";
import { type Line, LineChart, useSeriesColors } from "@/components/charts/LineChart";
import { course, joined, type Range, smoothed, stepsOf } from "./lines";
import { askSeries } from "./loader";
import { Points } from "./points";
import type { Look } from "./settings";
import type { Metrics } from "./useMetrics";

interface Props {
  name: string;
  metrics: Metrics;
  ranks: number[];
  look: Look;
  range: Range | null;
  height: number;
  onZoom: (range: Range | null) => void;
}

const POINTS_ZOOMED = 1_000;
/** Behind a smoothed line the values themselves are still to be seen. */
const FAINT = "55";

export function MetricChart({ name, metrics, ranks, look, range, height, onZoom }: Props) {
  const { t } = useTranslation("job");
  const colors = useSeriesColors();
  const drawn = useDrawn(name, metrics);
  const zoomed = useZoomed(name, metrics, ranks, look, range);
  useEffect(() => {
    for (const rank of ranks) metrics.loader.want(name, rank);
  }, [name, ranks, metrics]);
  const { smoothing, logarithmic, axis } = look;
  const chart = useMemo(() => {
    const courses = ranks.map((rank, at) =>
      course(zoomed?.[at] ?? metrics.store.get(name, rank) ?? new Points(), axis, range, logarithmic),
    );
    const { x, values } = joined(courses);
    const lines = ranks.flatMap((rank, at): Line[] => {
      const color = colors[at % colors.length]!;
      const label = ranks.length > 1 ? t("rank", { rank }) : t("curves.value");
      const raw = { label, values: values[at]!, color };
      if (smoothing === 0) return [raw];
      const smooth = {
        label: t("curves.smoothed", { label }),
        values: smoothed(values[at]!, smoothing),
        color,
      };
      return [{ ...raw, color: color + FAINT }, smooth];
    });
    return { x, lines };
    // `drawn` counts how often the points have grown.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [drawn, zoomed, ranks, axis, range, logarithmic, smoothing, colors, name, metrics, t]);
  if (chart.x.length === 0) {
    return range === null ? (
      <Skeleton variant="rounded" height={height} />
    ) : (
      <Box sx={{ p: 2, textAlign: "center" }}>
        <Typography variant="body2">{t("curves.nothingThere")}</Typography>
      </Box>
    );
  }
  return (
    <LineChart
      label={name}
      x={chart.x}
      lines={chart.lines}
      height={height}
      time={axis === "time"}
      logarithmic={logarithmic}
      onZoom={onZoom}
    />
  );
}

/** Grows whenever the metric has grown and its turn to be drawn has come. */
function useDrawn(name: string, { store, redraw }: Metrics): number {
  const [drawn, setDrawn] = useState(0);
  useEffect(() => {
    // At once and alone: what it takes counts towards its frame.
    const draw = () => flushSync(() => setDrawn((count) => count + 1));
    const end = store.follow(name, () => redraw.ask(draw));
    return () => {
      end();
      redraw.forget(draw);
    };
  }, [name, store, redraw]);
  return drawn;
}

/** With a part of the whole chosen, the API has more points of that part. */
function useZoomed(name: string, { job, store }: Metrics, ranks: number[], look: Look, range: Range | null) {
  const steps = useMemo(() => {
    const points = store.get(name, ranks[0] ?? 0);
    return range && points?.length ? stepsOf(points, look.axis, range) : null;
  }, [name, store, ranks, look.axis, range]);
  return useQuery({
    queryKey: ["series", job, "part", name, ranks, steps],
    queryFn: () =>
      Promise.all(
        ranks.map(async (rank) => {
          const found = await askSeries(job, rank, [name], POINTS_ZOOMED, steps!);
          const points = new Points();
          points.load(found[0]?.points ?? []);
          return points;
        }),
      ),
    enabled: steps !== null,
    staleTime: Infinity,
    // A class is no plain data: it is not compared with what was there before.
    structuralSharing: false,
  }).data;
}
