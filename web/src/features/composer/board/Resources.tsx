import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import { bytes, number } from "@/lib/format";
import { useFleet } from "../queries";
import { RESOURCES } from "../spec/fields";
import { Grid } from "./Grid";
import { SpecFields } from "./SpecField";

export function Resources() {
  const { t } = useTranslation("composer");
  return (
    <Panel title={t("resources.title")}>
      <FleetSize />
      <Grid least={140}>
        <SpecFields of={RESOURCES} />
      </Grid>
    </Panel>
  );
}

/** What there is at this moment: of those machines alone that take work. */
function FleetSize() {
  const { t } = useTranslation("composer");
  const { data } = useFleet();
  if (!data) return null;
  const there = data.filter((one) => one.state === "online");
  const sum = (of: (one: (typeof there)[number]) => number) => there.reduce((all, one) => all + of(one), 0);
  return (
    <Typography variant="body2" color="textSecondary">
      {there.length === 0
        ? t("resources.nobody")
        : t("resources.fleet", {
            count: there.length,
            slots: number(sum((one) => one.slots)),
            free: number(sum((one) => Math.max(one.slots - one.busy, 0))),
            cpus: number(sum((one) => amount(one.resources.cpus))),
            gpus: number(sum((one) => (Array.isArray(one.resources.gpus) ? one.resources.gpus.length : 0))),
            memory: bytes(sum((one) => amount(one.resources.memory_bytes))),
          })}
    </Typography>
  );
}

function amount(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
