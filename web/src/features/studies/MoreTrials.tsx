import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote } from "@/components";
import { useRetry } from "./queries";
import type { Study } from "./values";

const MOST = 10_000;

/** Goes on with a study that has ended, with more trials. */
export function MoreTrials({ study }: { study: Study }) {
  const { t } = useTranslation("studies");
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("10");
  const retry = useRetry(study.study_id);
  const id = useId();
  const count = Number(text);
  const good = Number.isInteger(count) && count >= 1 && count <= MOST;
  const go = () => retry.mutate(count, { onSuccess: () => setOpen(false) });
  return (
    <>
      <Button variant="outlined" onClick={() => (retry.reset(), setOpen(true))}>
        {t("more")}
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} aria-labelledby={id}>
        <DialogTitle id={id}>{t("moreQuestion")}</DialogTitle>
        <DialogContent>
          <Stack spacing={2} sx={{ pt: 1 }}>
            <TextField
              autoFocus
              label={t("moreCount")}
              type="number"
              value={text}
              error={!good}
              helperText={good ? t("moreHint") : t("moreWrong", { most: MOST })}
              onChange={(event) => setText(event.target.value)}
              slotProps={{ htmlInput: { min: 1, max: MOST, step: 1 } }}
            />
            {retry.isError && <ErrorNote error={retry.error} />}
          </Stack>
        </DialogContent>
        <DialogActions>
          <Button onClick={() => setOpen(false)}>{t("components:cancel")}</Button>
          <Button variant="contained" disabled={!good} loading={retry.isPending} onClick={go}>
            {t("moreGo")}
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}
