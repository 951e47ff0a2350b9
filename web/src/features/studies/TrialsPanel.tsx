import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  type Column,
  DataTable,
  Empty,
  LinkCell,
  Panel,
  type Sorting,
  StatusChip,
  useNow,
} from "@/components";
import { between, duration, figure } from "@/lib/format";
import { paths } from "@/lib/paths";
import { sortTrials } from "./sorting";
import { type Objective, shown, type Study, type Trial, valueOf } from "./values";

const STATES = ["running", "completed", "pruned", "failed", "cancelled"] as const;

interface Props {
  study: Study;
  objectives: Objective[];
  /** Those that the brushes let through. */
  trials: Trial[];
  all: number;
}

export function TrialsPanel({ study, objectives, trials, all }: Props) {
  const { t } = useTranslation("studies");
  const [sorting, setSorting] = useState<Sorting>({ by: "number", descending: true });
  const [state, setState] = useState("");
  const columns = useColumns(study, objectives);
  const rows = useMemo(
    () => sortTrials(state ? trials.filter((one) => one.state === state) : trials, sorting),
    [trials, state, sorting],
  );
  const filter = (
    <TextField
      select
      label={t("state")}
      value={state}
      onChange={(event) => setState(event.target.value)}
      sx={{ minWidth: 160 }}
    >
      <MenuItem value="">{t("anyState")}</MenuItem>
      {STATES.map((one) => (
        <MenuItem key={one} value={one}>
          {t(`components:status.${one}`)}
        </MenuItem>
      ))}
    </TextField>
  );
  const title = rows.length === all ? t("trials", { all }) : t("trialsOf", { shown: rows.length, all });
  return (
    <Panel title={title} actions={filter} flush>
      <DataTable
        label={t("trialsTable")}
        rows={rows}
        columns={columns}
        idOf={(trial) => String(trial.number)}
        height={480}
        sorting={sorting}
        onSort={setSorting}
        empty={<Empty title={t("noTrials")}>{all ? t("noTrialsChosen") : t("noTrialsHint")}</Empty>}
      />
    </Panel>
  );
}

function Took({ trial }: { trial: Trial }) {
  const now = useNow(1_000);
  return <>{duration(between(trial.created_at, trial.finished_at, now))}</>;
}

function useColumns(study: Study, objectives: Objective[]): Column<Trial>[] {
  const { t } = useTranslation("studies");
  const names = Object.keys(study.space).join("\n");
  return useMemo(
    () => [
      {
        id: "number",
        label: t("number"),
        width: "80px",
        sortable: true,
        cell: (trial) =>
          trial.job_id ? <LinkCell to={paths.job(trial.job_id)}>{trial.number}</LinkCell> : trial.number,
      },
      {
        id: "state",
        label: t("state"),
        width: "130px",
        sortable: true,
        cell: (trial) => <StatusChip status={trial.state} title={trial.reason ?? undefined} />,
      },
      ...objectives.map((one, at) => ({
        id: `value:${at}`,
        label: one.metric,
        width: "130px",
        align: "right" as const,
        sortable: true,
        cell: (trial: Trial) => figure(valueOf(trial, at)),
      })),
      {
        id: "duration",
        label: t("duration"),
        width: "110px",
        align: "right",
        sortable: true,
        cell: (trial) =>
          trial.finished_at ? duration(between(trial.created_at, trial.finished_at)) : <Took trial={trial} />,
      },
      ...names.split("\n").map((name) => ({
        id: `param:${name}`,
        label: name,
        width: "minmax(130px, 1fr)",
        sortable: true,
        cell: (trial: Trial) => shown(trial.params[name]),
      })),
    ],
    [t, names, objectives],
  );
}
