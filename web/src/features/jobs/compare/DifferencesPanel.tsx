import MenuItem from "@mui/material/MenuItem";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import { figure } from "@/lib/format";
import type { Compared } from "./ComparePage";
import { changesOf } from "./changes";
import { Grid } from "./Grid";
import { useDifferences } from "./queries";

interface Props {
  compared: Compared[];
  /** As the address says. */
  base: string | null;
  onBase: (base: string) => void;
}

/** What differs in all that is recorded of two jobs, and what it did to the metrics. */
export function DifferencesPanel({ compared, base, onBase }: Props) {
  const { t } = useTranslation("jobs");
  const [picked, setPicked] = useState("");
  const known = compared.find((one) => one.job.job_id === base);
  const from = known ?? (compared.length === 2 ? compared[0] : undefined);
  const others = compared.filter((one) => one !== from);
  const to = others.find((one) => one.job.job_id === picked) ?? others[0];
  const options = (some: Compared[]) =>
    some.map(({ job, label }) => (
      <MenuItem key={job.job_id} value={job.job_id}>
        {label}
      </MenuItem>
    ));
  return (
    <Panel
      title={t("compare.differences")}
      actions={
        <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap" }}>
          {from && others.length > 1 && (
            <TextField
              select
              label={t("compare.other")}
              value={to?.job.job_id ?? ""}
              onChange={(event) => setPicked(event.target.value)}
              sx={{ minWidth: 150 }}
            >
              {options(others)}
            </TextField>
          )}
          <TextField
            select
            label={t("compare.base")}
            value={from?.job.job_id ?? ""}
            onChange={(event) => onBase(event.target.value)}
            sx={{ minWidth: 150 }}
            slotProps={{ inputLabel: { shrink: true }, select: { displayEmpty: true } }}
          >
            {compared.length > 2 && <MenuItem value="">{t("compare.noBase")}</MenuItem>}
            {options(compared)}
          </TextField>
        </Stack>
      }
    >
      {from && to ? (
        <Differences from={from} to={to} />
      ) : (
        <Typography color="textSecondary">{t("compare.pickBase")}</Typography>
      )}
    </Panel>
  );
}

function Differences({ from, to }: { from: Compared; to: Compared }) {
  const { t } = useTranslation("jobs");
  const found = useDifferences(from.job.job_id, to.job.job_id);
  return (
    <Query of={found} height={200}>
      {(differences) => {
        const parts = changesOf(differences.changed);
        const metrics = Object.entries(differences.metrics);
        const unequal = differences.files.filter((file) => !file.equal).length;
        return (
          <Stack sx={{ gap: 2 }}>
            {parts.length === 0 && <Empty title={t("compare.nothing")} />}
            {parts.map((part) => (
              <section key={part.name}>
                <Typography variant="h3">
                  {t(`compare.parts.${part.name}`, { defaultValue: part.name })}
                </Typography>
                {part.unknown ? (
                  <Typography variant="body2">{t("compare.unknown")}</Typography>
                ) : (
                  <Grid
                    label={t(`compare.parts.${part.name}`, { defaultValue: part.name })}
                    head={t("compare.field")}
                    compared={[from, to]}
                    rows={part.fields.map((field) => ({ name: field.name, cells: [field.a, field.b] }))}
                  />
                )}
              </section>
            ))}
            {metrics.length > 0 && (
              <section>
                <Typography variant="h3">{t("compare.effect")}</Typography>
                <Grid
                  label={t("compare.effect")}
                  head={t("compare.metric")}
                  compared={[from, to]}
                  rows={metrics.map(([name, one]) => ({
                    name,
                    beside: one.change !== null && (
                      <Typography variant="caption" color="textSecondary" component="div">
                        {t("compare.change")}: {one.change > 0 ? "+" : ""}
                        {figure(one.change)}
                      </Typography>
                    ),
                    cells: [figure(one.a), figure(one.b)],
                  }))}
                />
              </section>
            )}
            {differences.bit_equal !== null && (
              <Typography variant="body2">
                {differences.bit_equal
                  ? t("compare.bit.yes")
                  : t("compare.bit.no", { count: unequal, all: differences.files.length })}
              </Typography>
            )}
          </Stack>
        );
      }}
    </Query>
  );
}
