import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Ago, Empty, Facts, Panel, StatusChip } from "@/components";
import { healthOf, type Worker } from "./worker";

/** What the checks of its machine have found. */
export function HealthPanel({ worker }: { worker: Worker }) {
  const { t } = useTranslation("fleet");
  const health = healthOf(worker);
  if (health === null) {
    return (
      <Panel title={t("health")}>
        <Empty title={t("noHealth")}>{t("noHealthHint")}</Empty>
      </Panel>
    );
  }
  return (
    <Panel title={t("health")} actions={<StatusChip status={health.status} />}>
      <Facts
        columns={3}
        of={[
          [t("checked"), <Ago key="checked" at={health.checkedAt} />],
          [t("strikes"), health.strikes],
          [
            t("nextCheck"),
            health.quarantine?.nextCheckAt && <Ago key="next" at={health.quarantine.nextCheckAt} />,
          ],
        ]}
      />
      <Box component="ul" sx={{ m: 0, mt: 1.5, p: 0, listStyle: "none", display: "grid", gap: 1 }}>
        {health.findings.map((one) => (
          <Box component="li" key={one.check} sx={{ display: "flex", gap: 1, alignItems: "flex-start" }}>
            <StatusChip status={one.status} />
            <Typography variant="body2">
              <strong>{one.check}</strong>: {one.sentence}
            </Typography>
          </Box>
        ))}
      </Box>
      {health.skipped.length > 0 && (
        <Typography variant="body2" color="textSecondary" sx={{ mt: 1 }}>
          {t("skipped", { what: health.skipped.join("; ") })}
        </Typography>
      )}
    </Panel>
  );
}
