import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import { LineChart, type Line } from "@/components/charts/LineChart";
import { Hours } from "./Hours";
import { useWorkerUsage } from "./queries";
import { gpusOf, withGaps, type WorkerUsage } from "./usage";

/** One worker over time. */
export default function UsagePanel({ id }: { id: string }) {
  const { t } = useTranslation("fleet");
  const [hours, setHours] = useState(1);
  const found = useWorkerUsage(id, hours);
  return (
    <Panel title={t("overTime")} actions={<Hours value={hours} onChange={setHours} />}>
      <Query of={found} height={260}>
        {(usage) =>
          usage.points.length ? (
            <Charts usage={usage} />
          ) : (
            <Empty title={t("noUsage")}>{t("noUsageHint")}</Empty>
          )
        }
      </Query>
    </Panel>
  );
}

function Charts({ usage }: { usage: WorkerUsage }) {
  const { t } = useTranslation("fleet");
  const { x, load, use, gpus } = useMemo(() => {
    const { x, at } = withGaps(usage.points, usage.step_s);
    const load: Line[] = [
      { label: t("cpuPercent"), values: at.map((one) => one?.cpu_percent ?? null) },
      { label: t("memoryPercent"), values: at.map((one) => one?.memory_percent ?? null) },
      { label: t("cpuMost"), values: at.map((one) => one?.cpu_percent_max ?? null), dashed: true },
    ];
    const use: Line[] = [
      { label: t("slots"), values: at.map((one) => one?.slots ?? null), dashed: true },
      { label: t("slotsInUse"), values: at.map((one) => one?.busy ?? null) },
    ];
    const gpus = gpusOf(usage).flatMap((number): Line[] => {
      const own = at.map((one) => one?.gpus.find((gpu) => gpu.gpu === number));
      return [
        { label: t("gpuUse", { number }), values: own.map((gpu) => gpu?.utilisation_percent ?? null) },
        {
          label: t("gpuMemory", { number }),
          values: own.map((gpu) => gpu?.memory_percent ?? null),
          dashed: true,
        },
      ];
    });
    return { x, load, use, gpus };
  }, [usage, t]);
  const charts: [string, Line[], [number, number | null]][] = [
    [t("loadOverTime"), load, [0, 100]],
    ...(gpus.length ? [[t("gpusOverTime"), gpus, [0, 100]] as [string, Line[], [number, number]]] : []),
    [t("slotsOverTime"), use, [0, null]],
  ];
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2,
        gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "repeat(2, minmax(0, 1fr))" },
      }}
    >
      {charts.map(([title, lines, range]) => (
        <div key={title}>
          <Typography variant="h3">{title}</Typography>
          <LineChart
            label={title}
            x={x}
            lines={lines}
            time
            together={usage.worker_id}
            range={range}
            height={200}
          />
        </div>
      ))}
    </Box>
  );
}
