import Autocomplete from "@mui/material/Autocomplete";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote } from "@/components";
import type { Schemas } from "@/lib/api";
import { ago } from "@/lib/format";
import { useLater, usePastJobs } from "../queries";

interface Props {
  open: boolean;
  onClose: () => void;
  onJob: (job: Schemas["JobRead"]) => void;
}

/** Takes up what was submitted before. */
export function PastJob({ open, onClose, onJob }: Props) {
  const { t } = useTranslation("composer");
  const [typed, setTyped] = useState("");
  const found = usePastJobs(useLater(typed.trim()), open);
  return (
    <Dialog open={open} onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="past-job">
      <DialogTitle id="past-job">{t("past.title")}</DialogTitle>
      <DialogContent>
        {found.isError && <ErrorNote error={found.error} onRetry={() => void found.refetch()} />}
        <Autocomplete
          sx={{ mt: 1 }}
          options={found.data?.items ?? []}
          loading={found.isPending}
          loadingText={t("past.loading")}
          noOptionsText={t("past.none")}
          openText={t("past.open")}
          closeText={t("past.close")}
          clearText={t("past.clear")}
          getOptionLabel={(job) => `${job.name} (${job.job_id})`}
          getOptionKey={(job) => job.job_id}
          filterOptions={(options) => options}
          inputValue={typed}
          onInputChange={(_, next, reason) => reason === "input" && setTyped(next)}
          onChange={(_, job) => {
            if (!job) return;
            onJob(job);
            onClose();
          }}
          renderOption={({ key, ...props }, job) => (
            <li key={key} {...props}>
              <div>
                <Typography variant="body2">{job.name}</Typography>
                <Typography variant="caption" color="textSecondary">
                  {job.job_id} · {t(`components:status.${job.status}`, { defaultValue: job.status })} ·{" "}
                  {ago(job.created_at)}
                </Typography>
              </div>
            </li>
          )}
          renderInput={(params) => <TextField {...params} autoFocus label={t("past.name")} />}
        />
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{t("components:cancel")}</Button>
      </DialogActions>
    </Dialog>
  );
}
