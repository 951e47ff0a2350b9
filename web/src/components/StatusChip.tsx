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
import Chip, { type ChipProps } from "@mui/material/Chip";
import { useTranslation } from "react-i18next";
import { Icon } from "./Icon";

type Look = [color: ChipProps["color"], icon: string];

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

export function StatusChip({
  status,
  ...rest
}: { status: string } & Omit<ChipProps, "label" | "icon" | "color">) {
  const { t } = useTranslation("components");
  const [color, icon] = LOOKS[status] ?? ["default", mdiHelpCircleOutline];
  return (
    <Chip
      size="small"
      variant="outlined"
      color={color}
      icon={<Icon path={icon} />}
      label={t(`status.${status}`, { defaultValue: status })}
      {...rest}
    />
  );
}
