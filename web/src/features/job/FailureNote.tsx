import Alert from "@mui/material/Alert";
import AlertTitle from "@mui/material/AlertTitle";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton, Facts, LinkCell } from "@/components";
import { paths } from "@/lib/paths";
import type { Job } from "./queries";
import { isLoose, loose, shown } from "./shape";

/** Why it failed, whose fault that was, and what there is to go by. */
export function FailureNote({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const [open, setOpen] = useState(false);
  const error = job.error;
  if (!error) return job.reason ? <Alert severity="error">{job.reason}</Alert> : null;
  const evidence = Object.entries(loose(error.evidence)).filter(([, value]) => !isLoose(value));
  const more = Boolean(error.traceback) || evidence.length > 0;
  return (
    <Alert severity="error" sx={{ "& .MuiAlert-message": { minWidth: 0, flex: 1 } }}>
      <AlertTitle component="h2">
        {t(`failure.class.${error.class}`, { defaultValue: error.class })} ({error.class})
      </AlertTitle>
      {error.message}
      <Box sx={{ mt: 1, display: "flex", flexWrap: "wrap", gap: 1, alignItems: "center" }}>
        {more && (
          <Button color="inherit" aria-expanded={open} onClick={() => setOpen(!open)} sx={{ ml: -0.5 }}>
            {t(open ? "failure.less" : "failure.more")}
          </Button>
        )}
        <LinkCell to={paths.job(job.job_id, "logs")} sx={{ color: "inherit" }}>
          {t("failure.logs")}
        </LinkCell>
        {error.traceback && <CopyButton text={error.traceback} what={t("failure.traceback")} />}
      </Box>
      {open && (
        <>
          {error.traceback && <Traceback text={error.traceback} />}
          <Facts columns={2} of={evidence.map(([name, value]) => [name, shown(value)])} />
        </>
      )}
    </Alert>
  );
}

export function Traceback({ text }: { text: string }) {
  const { t } = useTranslation("job");
  return (
    <Box
      component="pre"
      tabIndex={0}
      role="region"
      aria-label={t("failure.traceback")}
      sx={{
        m: 0,
        my: 1,
        p: 1,
        maxHeight: 360,
        overflow: "auto",
        fontSize: "0.8125rem",
        border: 1,
        borderColor: "divider",
        borderRadius: 1,
        bgcolor: "background.paper",
        color: "text.primary",
        overflowWrap: "normal",
      }}
    >
      {text}
    </Box>
  );
}
