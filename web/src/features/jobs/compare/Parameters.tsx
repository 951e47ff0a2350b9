import FormControlLabel from "@mui/material/FormControlLabel";
import Switch from "@mui/material/Switch";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel } from "@/components";
import type { Compared } from "./ComparePage";
import { Grid } from "./Grid";
import { parametersOf } from "./parameters";

/** Their job files, value by value; by default only where they differ. */
export function Parameters({ compared }: { compared: Compared[] }) {
  const { t } = useTranslation("jobs");
  const [all, setAll] = useState(compared.length === 1);
  const found = parametersOf(compared.map(({ job }) => job.spec));
  const shown = found.filter((one) => all || one.differs);
  return (
    <Panel
      title={t("compare.parameters")}
      flush
      actions={
        <FormControlLabel
          control={<Switch checked={all} onChange={(_, on) => setAll(on)} />}
          label={t("compare.allParameters")}
        />
      }
    >
      {shown.length === 0 ? (
        <Empty title={t("compare.same")} />
      ) : (
        <Grid
          label={t("compare.parameters")}
          head={t("compare.parameter")}
          compared={compared}
          rows={shown.map((one) => ({ name: one.name, cells: one.values.map((value) => value ?? "–") }))}
        />
      )}
    </Panel>
  );
}
