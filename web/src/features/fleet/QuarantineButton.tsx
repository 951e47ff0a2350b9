import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import TextField from "@mui/material/TextField";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote } from "@/components";
import { useSteering } from "./queries";
import type { Worker } from "./worker";

const LONGEST = 300;

/** Nothing new is placed there any more, for a reason that everybody can read. */
export function QuarantineButton({ worker }: { worker: Worker }) {
  const { t } = useTranslation("fleet");
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const steering = useSteering(worker.worker_id);
  const id = useId();
  const go = () =>
    steering.mutate({ what: "quarantine", reason: reason.trim() }, { onSuccess: () => setOpen(false) });
  return (
    <>
      <Button variant="outlined" color="warning" onClick={() => (steering.reset(), setOpen(true))}>
        {t("quarantine")}
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} aria-labelledby={id} fullWidth maxWidth="sm">
        <DialogTitle id={id}>{t("quarantineQuestion", { name: worker.name })}</DialogTitle>
        <DialogContent>
          <DialogContentText sx={{ mb: 2 }}>{t("quarantineExplanation")}</DialogContentText>
          <TextField
            autoFocus
            fullWidth
            multiline
            label={t("reason")}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
            slotProps={{ htmlInput: { maxLength: LONGEST } }}
          />
          {steering.isError && <ErrorNote error={steering.error} />}
        </DialogContent>
        <DialogActions>
          <Button onClick={() => setOpen(false)}>{t("components:cancel")}</Button>
          <Button variant="contained" color="warning" loading={steering.isPending} onClick={go}>
            {t("quarantine")}
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}
