import {
  mdiArrowDownBold,
  mdiArrowUpBold,
  mdiHelpCircleOutline,
  mdiPauseCircle,
  mdiSwapHorizontal,
} from "@mdi/js";
import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Ago, Icon } from "@/components";
import { percent } from "@/lib/format";
import { type Decision, latestFirst, signalOf } from "./scaling";

const ICONS: Record<string, string> = {
  grow: mdiArrowUpBold,
  shrink: mdiArrowDownBold,
  replace: mdiSwapHorizontal,
  at_maximum: mdiPauseCircle,
  hold: mdiPauseCircle,
};

/** What the autoscaler did and why, the latest first. */
export function Decisions({ decisions }: { decisions: Decision[] }) {
  const { t } = useTranslation("fleet");
  return (
    <Box
      component="ol"
      tabIndex={0}
      aria-label={t("decisions")}
      sx={{ m: 0, p: 0, listStyle: "none", maxHeight: 420, overflow: "auto" }}
    >
      {latestFirst(decisions).map((decision, at) => (
        <One key={`${decision.at} ${at}`} decision={decision} />
      ))}
    </Box>
  );
}

function One({ decision }: { decision: Decision }) {
  const { t } = useTranslation("fleet");
  const { load, queue, workers, desired } = signalOf(decision);
  const figures = [
    load !== null && `${t("load")} ${percent(load)}`,
    queue !== null && t("queued", { count: queue }),
    workers !== null && desired !== null && t("fromTo", { workers, desired }),
  ].filter(Boolean);
  return (
    <Box component="li" sx={{ borderLeft: 2, borderColor: "divider", pl: 1.5, pb: 1.5 }}>
      <Box sx={{ display: "flex", gap: 1, alignItems: "center", flexWrap: "wrap" }}>
        <Chip
          size="small"
          variant="outlined"
          icon={<Icon path={ICONS[decision.action] ?? mdiHelpCircleOutline} />}
          label={t(`action.${decision.action}`, { defaultValue: decision.action })}
        />
        <Typography variant="caption" color="textSecondary">
          <Ago at={decision.at} />
        </Typography>
      </Box>
      <Typography variant="body2">{decision.reason}</Typography>
      <Typography variant="caption" color="textSecondary">
        {figures.join(" · ")}
      </Typography>
    </Box>
  );
}
