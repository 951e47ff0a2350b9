import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Ago, Panel, Query, StatusChip } from "@/components";
import type { Schemas } from "@/lib/api";
import { useHealth } from "./queries";

const HEIGHT = 140;

/** Each part of the platform that is not well, and what that means; that all are well, otherwise. */
export function HealthPanel() {
  const { t } = useTranslation("overview");
  const found = useHealth();
  return (
    <Panel title={t("health.title")} actions={found.data && <StatusChip status={found.data.status} />}>
      <Box sx={{ minHeight: HEIGHT }}>
        <Query of={found} height={HEIGHT}>
          {(health) => <Parts health={health} />}
        </Query>
      </Box>
    </Panel>
  );
}

function Parts({ health }: { health: Schemas["Health"] }) {
  const { t } = useTranslation("overview");
  const name = (part: string) => t(`health.part.${part}`, { defaultValue: part });
  const all = Object.entries(health.parts);
  const ill = all.filter(([, part]) => part.status !== "ok");
  const well = all.filter(([, part]) => part.status === "ok").map(([part]) => name(part));
  return (
    <>
      {!health.accepts_jobs && (
        <Typography color="error" sx={{ fontWeight: 600 }}>
          {t("health.noJobs")}
        </Typography>
      )}
      {ill.map(([part, { status, since, detail, meaning }]) => (
        <Box key={part} sx={{ mb: 1.5 }}>
          <Typography variant="h3" sx={{ display: "flex", gap: 1, alignItems: "center" }}>
            {name(part)} <StatusChip status={status} />
          </Typography>
          {detail && <Typography variant="body2">{detail}</Typography>}
          {meaning && (
            <Typography variant="body2" color="textSecondary">
              {meaning}
            </Typography>
          )}
          {since && (
            <Typography variant="caption" color="textSecondary">
              {t("health.since")} <Ago at={since} />
            </Typography>
          )}
        </Box>
      ))}
      <Typography variant="body2">
        {ill.length === 0 ? t("health.allWell") : t("health.well", { parts: well.join(", ") })}
      </Typography>
      <Typography variant="caption" color="textSecondary">
        TensorFleet {health.version}
      </Typography>
    </>
  );
}
