import { mdiDownload } from "@mdi/js";
import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { ConfirmButton, Icon, useToast } from "@/components";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { done, type Outcome } from "./bulk";
import { csvOf, saveCsv } from "./csv";
import { Outcomes } from "./Outcomes";
import { ACTIONS, type Action, doable, ranFor, type Row } from "./row";

const MOST_COMPARED = 20;
const ASKS_FIRST: readonly Action[] = ["cancel", "delete"];
const COLUMNS = ["name", "status", "kind", "algorithm", "dataset", "metric", "value", "workers"] as const;
const FURTHER = ["priority", "workspace", "created", "duration", "reason"] as const;

interface Props {
  rows: readonly Row[];
  chosen: readonly Row[];
  onDone: (action: Action, outcomes: readonly Outcome[]) => void;
  onClear: () => void;
}

/** What can be done to the chosen rows, with how many of them each can be done to. */
export function BulkBar({ rows, chosen, onDone, onClear }: Props) {
  const { t } = useTranslation("jobs");
  const { may } = useSession();
  const toast = useToast();
  const [told, setTold] = useState<{ action: Action; outcomes: Outcome[] } | null>(null);
  const run = async (action: Action, some: readonly Row[]) => {
    const outcomes = await done(action, some);
    if (outcomes.some((one) => one.refused !== null)) setTold({ action, outcomes });
    else toast(t(`bulk.${action}.done`, { count: outcomes.length }), "success");
    onDone(action, outcomes);
  };
  const writable = (workspace: string) => may("jobs:write", workspace);
  const compared = chosen.length >= 2 && chosen.length <= MOST_COMPARED;
  return (
    <Stack
      direction="row"
      useFlexGap
      role="group"
      aria-label={t("bulk.label")}
      sx={{ flexWrap: "wrap", gap: 1, alignItems: "center", minHeight: 32 }}
    >
      {chosen.length > 0 && (
        <Typography variant="body2" role="status">
          {t("bulk.chosen", { count: chosen.length })}
        </Typography>
      )}
      {ACTIONS.map((action) => {
        const some = doable(action, chosen, writable);
        if (some.length === 0) return null;
        return <Do key={action} action={action} some={some} run={run} />;
      })}
      {compared && (
        <Button component={Link} to={paths.compare(chosen.map((row) => row.id))} variant="outlined">
          {t("bulk.compare", { count: chosen.length })}
        </Button>
      )}
      {chosen.length > 0 && <Button onClick={onClear}>{t("bulk.clear")}</Button>}
      <Button
        sx={{ ml: "auto" }}
        startIcon={<Icon path={mdiDownload} />}
        disabled={rows.length === 0}
        onClick={() =>
          saveCsv(
            "jobs.csv",
            csvOfRows(chosen.length ? chosen : rows, (id) => t(`column.${id}`)),
          )
        }
      >
        {t("csv", { count: chosen.length || rows.length })}
      </Button>
      {told && <Outcomes {...told} onClose={() => setTold(null)} />}
    </Stack>
  );
}

function Do(props: { action: Action; some: Row[]; run: (action: Action, some: Row[]) => Promise<void> }) {
  const { action, some, run } = props;
  const { t } = useTranslation("jobs");
  const toast = useToast();
  const [busy, setBusy] = useState(false);
  const label = t(`bulk.${action}.button`, { count: some.length });
  if (ASKS_FIRST.includes(action)) {
    return (
      <ConfirmButton
        variant="outlined"
        color="error"
        question={t(`bulk.${action}.question`, { count: some.length })}
        explanation={t(`bulk.${action}.explanation`)}
        confirm={t(`bulk.${action}.confirm`)}
        onConfirm={() => run(action, some)}
      >
        {label}
      </ConfirmButton>
    );
  }
  const go = async () => {
    setBusy(true);
    try {
      await run(action, some);
    } catch (error) {
      toast(error instanceof Error ? error.message : String(error), "error");
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button variant="outlined" loading={busy} onClick={() => void go()}>
      {label}
    </Button>
  );
}

function csvOfRows(rows: readonly Row[], label: (id: string) => string): string {
  const now = Date.now();
  return csvOf(
    ["job_id", ...[...COLUMNS, ...FURTHER].map(label)],
    rows.map((row) => [
      ...[row.id, row.name, row.status, row.kind, row.algorithm, row.dataset],
      ...[row.metric?.name, row.metric?.value, row.workers, row.priority, row.workspace, row.created],
      ...[ranFor(row, now), row.reason],
    ]),
  );
}
