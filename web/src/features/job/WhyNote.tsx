import Alert from "@mui/material/Alert";
import AlertTitle from "@mui/material/AlertTitle";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago, Facts } from "@/components";
import { dateTime } from "@/lib/format";
import { type Job, useWhy } from "./queries";
import { shown } from "./shape";

const AGAIN_MS = 3_000;

/** Why a job waits, when it is expected to start, and what would start it: the scheduler's own words. */
export function WhyNote({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const [open, setOpen] = useState(false);
  const why = useWhy(job.job_id, true, AGAIN_MS).data;
  if (!why || why.status !== "queued") return job.reason ? <Alert severity="info">{job.reason}</Alert> : null;
  const evidence = Object.entries(why.evidence).filter(
    ([, value]) => value !== null && JSON.stringify(value).length < 2_000,
  );
  return (
    <Alert severity="info" icon={false}>
      <AlertTitle component="h2">{t("why.title")}</AlertTitle>
      {why.reason}
      <Box sx={{ mt: 1 }}>
        <Facts
          columns={2}
          of={[
            [
              t("why.expected"),
              why.expected_start ? (
                <>
                  <Ago at={why.expected_start} /> ({dateTime(why.expected_start)})
                </>
              ) : (
                why.expected_start_unknown
              ),
            ],
            [t("why.suggestion"), why.suggestion],
            [t("why.change"), why.change && <ChangeText change={why.change} />],
            [t("why.before"), job.reason],
          ]}
        />
      </Box>
      {evidence.length > 0 && (
        <>
          <Button
            color="inherit"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
            sx={{ mt: 1, ml: -0.5 }}
          >
            {t(open ? "why.lessEvidence" : "why.evidence")}
          </Button>
          {open && <Facts columns={2} of={evidence.map(([name, value]) => [name, shown(value)])} />}
        </>
      )}
    </Alert>
  );
}

function ChangeText({ change }: { change: Record<string, unknown> }) {
  return (
    <Box component="code" sx={{ fontSize: "0.85em" }}>
      {Object.entries(change)
        .map(([name, value]) => `${name}: ${shown(value)}`)
        .join(", ")}
    </Box>
  );
}
