import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { dateTime, percent } from "@/lib/format";
import { mean, pathOf } from "./figures";
import { useUsage } from "./queries";

const HEIGHT = 140;

/** How busy the fleet was in the last day: its slots as an area, its CPUs as a dashed line. */
export function UsagePanel() {
  const { t } = useTranslation("overview");
  return (
    <Panel title={t("usage.title")}>
      <Box sx={{ minHeight: HEIGHT + 92 }}>
        <Query of={useUsage()} height={HEIGHT + 92}>
          {(usage) => (usage.points.length ? <Chart usage={usage} /> : <Empty title={t("usage.none")} />)}
        </Query>
      </Box>
    </Panel>
  );
}

function Chart({ usage }: { usage: Schemas["FleetUsage"] }) {
  const { t } = useTranslation("overview");
  const slots = usage.points.map(({ at, busy, slots }) => ({ at, share: slots ? busy / slots : 0 }));
  const cpus = usage.points.map(({ at, cpu_percent }) => ({ at, share: cpu_percent / 100 }));
  const said = (points: { share: number }[]) => ({
    mean: percent(mean(points.map((point) => point.share))),
    now: percent(points.at(-1)?.share),
  });
  const told = [t("usage.slots", said(slots)), t("usage.cpus", said(cpus))];
  // Of a young fleet the day is not over yet: it begins with what is known first.
  const window = { ...usage, from: usage.points[0]?.at ?? usage.from };
  return (
    <Box component="figure" sx={{ m: 0 }}>
      <Typography variant="caption" color="textSecondary" component="div" aria-hidden>
        {percent(1)}
      </Typography>
      <Box
        component="svg"
        role="img"
        aria-label={`${t("usage.title")}. ${told.join("; ")}`}
        viewBox="0 0 100 100"
        preserveAspectRatio="none"
        sx={{
          display: "block",
          width: "100%",
          height: HEIGHT,
          borderBottom: 1,
          borderTop: 1,
          borderColor: "divider",
        }}
      >
        <Lines d={pathOf(slots, window)} color="primary.main" filled />
        <Lines d={pathOf(cpus, window)} color="warning.main" dashed />
      </Box>
      <Box sx={{ display: "flex", justifyContent: "space-between" }}>
        <Typography variant="caption" color="textSecondary">
          {dateTime(window.from)}
        </Typography>
        <Typography variant="caption" color="textSecondary">
          {dateTime(usage.to)}
        </Typography>
      </Box>
      <Box component="figcaption" sx={{ display: "flex", flexWrap: "wrap", columnGap: 2 }}>
        <Key text={told[0]!} color="primary.main" line="solid" />
        <Key text={told[1]!} color="warning.main" line="dashed" />
      </Box>
    </Box>
  );
}

function Lines({
  d,
  color,
  dashed,
  filled,
}: {
  d: string;
  color: string;
  dashed?: boolean;
  filled?: boolean;
}) {
  const areas = filled ? d.split("M").filter(Boolean).map(closed) : [];
  return (
    <Box component="g" sx={{ color, fill: "currentColor", stroke: "currentColor" }}>
      {areas.map((area, at) => (
        <path key={at} d={area} stroke="none" fillOpacity={0.18} />
      ))}
      <path
        d={d}
        fill="none"
        strokeWidth={2}
        vectorEffect="non-scaling-stroke"
        strokeLinecap="round"
        {...(dashed ? { strokeDasharray: "5 4" } : {})}
      />
    </Box>
  );
}

/** A piece of a line, down to the ground at both of its ends. */
function closed(piece: string): string {
  const xs = piece.trim().split(/[ L]+/);
  return `M${piece.trim()} L${xs.at(-2)} 100 L${xs[0]} 100 Z`;
}

function Key({ text, color, line }: { text: string; color: string; line: "solid" | "dashed" }) {
  return (
    <Typography variant="body2" sx={{ display: "flex", alignItems: "center", gap: 1 }}>
      <Box
        aria-hidden
        component="span"
        sx={{ width: 18, borderTop: 3, borderTopStyle: line, borderColor: color }}
      />
      {text}
    </Typography>
  );
}
