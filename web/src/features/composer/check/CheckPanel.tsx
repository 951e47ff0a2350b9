import Alert from "@mui/material/Alert";
import AlertTitle from "@mui/material/AlertTitle";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import type { UseQueryResult } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ErrorNote, Panel } from "@/components";
import type { Schemas } from "@/lib/api";
import { ago, dateTime } from "@/lib/format";
import { fieldsOf } from "../queries";
import { lineOf } from "../spec/document";
import { editsOf } from "../spec/planning";
import { needs } from "../spec/spec";
import { useBoard } from "../state";

interface Props {
  plan: UseQueryResult<Schemas["Plan"]>;
  failed: unknown;
  onLine: (line: number) => void;
}

/** Whether the job can be submitted, and when it would start. */
export function CheckPanel({ plan, failed, onLine }: Props) {
  const { t } = useTranslation("composer");
  const { job, text, wrong, refused } = useBoard();
  const lacking = needs(job);
  const rows = wrong.length
    ? wrong.map((one) => ({ field: "", message: one.message, line: one.line }))
    : refused.map((one) => ({ ...one, line: lineOf(text, one.field) }));
  return (
    <Panel title={t("check.title")}>
      <Stack sx={{ gap: 1 }} aria-live="polite">
        {lacking.length > 0 && wrong.length === 0 && (
          <Alert severity="info">
            <AlertTitle>{t("check.needed")}</AlertTitle>
            {lacking.map((one) => (
              <div key={one}>{t(`need.${one}`)}</div>
            ))}
          </Alert>
        )}
        {rows.length > 0 && (
          <Alert severity="error">
            <AlertTitle>{t(wrong.length ? "check.broken" : "check.wrong")}</AlertTitle>
            {rows.map((row, at) => (
              <div key={at}>
                <Button color="inherit" onClick={() => onLine(row.line)} sx={{ textDecoration: "underline" }}>
                  {t("check.line", { line: row.line })}
                </Button>{" "}
                {row.field && <strong>{row.field}: </strong>}
                {row.message}
              </div>
            ))}
          </Alert>
        )}
        {failed !== null && fieldsOf(failed).length === 0 && <ErrorNote error={failed} />}
        {rows.length === 0 && !lacking.includes("program") && <Start plan={plan} />}
      </Stack>
    </Panel>
  );
}

function Start({ plan }: { plan: UseQueryResult<Schemas["Plan"]> }) {
  const { t } = useTranslation("composer");
  const { job, apply } = useBoard();
  if (plan.isError && fieldsOf(plan.error).length === 0) {
    return <ErrorNote error={plan.error} onRetry={() => void plan.refetch()} />;
  }
  const found = plan.data;
  if (!found) return <Skeleton variant="rounded" height={64} aria-busy="true" />;
  const edits = editsOf(found.change, job);
  return (
    <Alert severity={found.starts_now ? "success" : "warning"}>
      <AlertTitle>{t(found.starts_now ? "start.now" : "start.waits")}</AlertTitle>
      {!found.starts_now && <Typography variant="body2">{found.reason}</Typography>}
      {found.expected_start && (
        <Typography variant="body2">
          {t("start.expected", { ago: ago(found.expected_start), at: dateTime(found.expected_start) })}
        </Typography>
      )}
      {!found.starts_now && !found.expected_start && found.expected_start_unknown && (
        <Typography variant="body2">{found.expected_start_unknown}</Typography>
      )}
      {found.suggestion && (
        <Typography variant="body2" sx={{ mt: 0.5 }}>
          {t("start.helps", { suggestion: found.suggestion })}
        </Typography>
      )}
      {edits && (
        <Button color="inherit" variant="outlined" sx={{ mt: 1 }} onClick={() => apply(edits)}>
          {t("start.apply")}
        </Button>
      )}
    </Alert>
  );
}
