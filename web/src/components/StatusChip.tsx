import {
  mdiAlertCircle,
  mdiCheckCircle,
  mdiClockOutline,
  mdiCloseCircle,
  mdiHelpCircleOutline,
  mdiMinusCircle,
  mdiPauseCircle,
  mdiPlayCircle,
} from "@mdi/js";
import { styled } from "@mui/material/styles";
import type { HTMLAttributes } from "react";
import { useTranslation } from "react-i18next";

type Color = "default" | "primary" | "info" | "success" | "warning" | "error";
type Look = [color: Color, icon: string];

/** Colour never says it alone: each has its icon and its word. */
const LOOKS: Record<string, Look> = {
  queued: ["default", mdiClockOutline],
  pending: ["default", mdiClockOutline],
  waiting: ["default", mdiClockOutline],
  starting: ["info", mdiPlayCircle],
  assigned: ["info", mdiPlayCircle],
  running: ["primary", mdiPlayCircle],
  paused: ["warning", mdiPauseCircle],
  completed: ["success", mdiCheckCircle],
  complete: ["success", mdiCheckCircle],
  succeeded: ["success", mdiCheckCircle],
  failed: ["error", mdiAlertCircle],
  cancelled: ["default", mdiCloseCircle],
  pruned: ["default", mdiMinusCircle],
  lost: ["error", mdiHelpCircleOutline],
  online: ["success", mdiCheckCircle],
  ok: ["success", mdiCheckCircle],
  draining: ["warning", mdiMinusCircle],
  degraded: ["warning", mdiAlertCircle],
  quarantined: ["warning", mdiAlertCircle],
  down: ["error", mdiAlertCircle],
};

/** As MUI's outlined chip looks.  A table draws hundreds of these while one scrolls, and a chip is six components. */
const Mark = styled("span")(({ theme }) => ({
  display: "inline-flex",
  alignItems: "center",
  verticalAlign: "middle",
  flexShrink: 0,
  gap: 4,
  height: 22,
  padding: "0 8px 0 4px",
  borderRadius: 11,
  border: "1px solid currentColor",
  fontSize: "0.8125rem",
  lineHeight: 1,
  whiteSpace: "nowrap",
  color: theme.vars.palette.text.primary,
  ...Object.fromEntries(
    (["primary", "info", "success", "warning", "error"] as const).map((color) => [
      `&[data-color=${color}]`,
      { color: theme.vars.palette[color].main },
    ]),
  ),
}));

export function StatusChip({ status, ...rest }: { status: string } & HTMLAttributes<HTMLSpanElement>) {
  const { t } = useTranslation("components");
  const [color, icon] = LOOKS[status] ?? ["default", mdiHelpCircleOutline];
  return (
    <Mark data-color={color} {...rest}>
      <svg viewBox="0 0 24 24" width="18" height="18" fill="currentColor" aria-hidden>
        <path d={icon} />
      </svg>
      {t(`status.${status}`, { defaultValue: status })}
    </Mark>
  );
}
