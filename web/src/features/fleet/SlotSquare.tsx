import Box from "@mui/material/Box";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useSeriesColors } from "@/components/charts/LineChart";
import { paths } from "@/lib/paths";
import { initials, lookOf, type Slot } from "./slots";
import type { Task } from "./worker";

export type By = "job" | "state";

const SIZE = { width: 34, height: 28, borderRadius: 0.75, fontSize: 11, fontWeight: 600 };
/** Told apart without colours, too: plain, falling lines, dots, rising lines. */
const PATTERNS = [
  () => "none",
  (color: string) => `repeating-linear-gradient(45deg, ${color}55 0 2px, transparent 2px 7px)`,
  (color: string) => `radial-gradient(${color}77 1.2px, transparent 1.6px) 0 0 / 6px 6px`,
  (color: string) => `repeating-linear-gradient(-45deg, ${color}55 0 2px, transparent 2px 7px)`,
];
/** Places among the theme's colours. */
const STATES: Record<string, number> = { running: 0, starting: 5, assigned: 5, paused: 4, stopping: 1 };

export function SlotSquare({ slot, names, by }: { slot: Slot; names: ReadonlyMap<string, string>; by: By }) {
  const { t } = useTranslation("fleet");
  if (slot.kind === "task") return <TaskSquare task={slot.task} name={names.get(slot.task.job_id)} by={by} />;
  const word = t(slot.kind === "free" ? "slotFree" : "slotTaken");
  return (
    <Box
      component="li"
      title={word}
      sx={{
        ...SIZE,
        position: "relative",
        border: 1,
        borderStyle: slot.kind === "free" ? "dashed" : "solid",
        borderColor: "text.secondary",
        bgcolor: slot.kind === "free" ? "transparent" : "action.selected",
      }}
    >
      <Box
        component="span"
        sx={{ position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)" }}
      >
        {word}
      </Box>
    </Box>
  );
}

function TaskSquare({ task, name, by }: { task: Task; name: string | undefined; by: By }) {
  const { t } = useTranslation("fleet");
  const colors = useSeriesColors();
  const look =
    by === "job" ? lookOf(task.job_id, colors.length) : { color: STATES[task.status] ?? 7, pattern: 0 };
  const color = colors[look.color]!;
  const status = t(`components:status.${task.status}`, { defaultValue: task.status });
  const label = t("task", { job: name ?? task.job_id, rank: task.rank, status });
  const pattern = PATTERNS[look.pattern]!(color);
  return (
    <li>
      <Box
        component={Link}
        to={paths.job(task.job_id)}
        aria-label={label}
        title={label}
        data-letters={by === "job" ? initials(name ?? task.job_id.slice(2)) : initials(status)}
        sx={{
          ...SIZE,
          display: "grid",
          placeItems: "center",
          border: 2,
          borderColor: color,
          background: pattern === "none" ? `${color}22` : `${pattern}, ${color}11`,
          color: "text.primary",
          textDecoration: "none",
          // The name says it all; the letters are for the eye.  On a pattern they need a ground of their own.
          "&::after": {
            content: "attr(data-letters)",
            px: "2px",
            lineHeight: "14px",
            borderRadius: "3px",
            bgcolor: "background.paper",
          },
        }}
      />
    </li>
  );
}
