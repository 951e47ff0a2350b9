import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import { LineChart } from "@/components/charts/LineChart";
import { Hours } from "./Hours";
import { useFleetUsage } from "./queries";
import { type FleetUsage, withGaps } from "./usage";

/** The whole fleet over time. */
export default function FleetUsagePanel() {
  const { t } = useTranslation("fleet");
  const [hours, setHours] = useState(1);
  const found = useFleetUsage(hours);
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

function Charts({ usage }: { usage: FleetUsage }) {
  const { t } = useTranslation("fleet");
  const { x, load, use } = useMemo(() => {
    const { x, at } = withGaps(usage.points, usage.step_s);
    return {
      x,
      load: [
        { label: t("cpuPercent"), values: at.map((one) => one?.cpu_percent ?? null) },
        { label: t("memoryPercent"), values: at.map((one) => one?.memory_percent ?? null) },
      ],
      use: [
        { label: t("slots"), values: at.map((one) => one?.slots ?? null), dashed: true },
        { label: t("slotsInUse"), values: at.map((one) => one?.busy ?? null) },
        { label: t("jobsWaiting"), values: at.map((one) => one?.queued ?? null) },
      ],
    };
  }, [usage, t]);
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2,
        gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "repeat(2, minmax(0, 1fr))" },
      }}
    >
      <div>
        <Typography variant="h3">{t("slotsAndQueue")}</Typography>
        <LineChart
          label={t("slotsAndQueue")}
          x={x}
          lines={use}
          time
          together="fleet"
          range={[0, null]}
          height={200}
        />
      </div>
      <div>
        <Typography variant="h3">{t("loadOverTime")}</Typography>
        <LineChart
          label={t("loadOverTime")}
          x={x}
          lines={load}
          time
          together="fleet"
          range={[0, 100]}
          height={200}
        />
      </div>
    </Box>
  );
}
