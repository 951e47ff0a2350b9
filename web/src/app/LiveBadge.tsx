import { mdiAccessPoint, mdiAccessPointOff } from "@mdi/js";
import Chip from "@mui/material/Chip";
import { useTranslation } from "react-i18next";
import { Icon } from "@/components";
import { useLiveStatus } from "@/lib/live";

/** Whether what is shown follows what happens. */
export function LiveBadge() {
  const { t } = useTranslation("app");
  const status = useLiveStatus();
  const live = status === "live";
  return (
    <Chip
      role="status"
      size="small"
      variant={live ? "outlined" : "filled"}
      color={live ? "success" : "warning"}
      icon={<Icon path={live ? mdiAccessPoint : mdiAccessPointOff} />}
      label={t(`live.${status}`)}
    />
  );
}
