import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import MenuItem from "@mui/material/MenuItem";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { Empty, ErrorNote, Query } from "@/components";
import { bytes, dateTime, number } from "@/lib/format";
import { paths } from "@/lib/paths";
import { changesOf, NotAMapping, written } from "./changes";
import { fork, type Job, useCheckpoints } from "./queries";
import { loose } from "./shape";

/** A new job that goes on from a checkpoint of this one. */
export function ForkDialog({ job, step, onClose }: { job: Job; step?: number; onClose: () => void }) {
  const { t } = useTranslation("job");
  const id = useId();
  const navigate = useNavigate();
  const before = loose(job.spec.hyperparameters);
  const checkpoints = useCheckpoints(job.job_id);
  const [from, setFrom] = useState<number | undefined>(step);
  const [fields, setFields] = useState(() =>
    Object.fromEntries(Object.entries(before).map(([name, value]) => [name, written(value)])),
  );
  const [further, setFurther] = useState("");
  const run = useMutation({
    mutationFn: () => fork(job.job_id, { step: from ?? null, changes: changesOf(before, fields, further) }),
    onSuccess: (made) => navigate(paths.job(made.job_id)),
  });
  const noMapping = run.error instanceof NotAMapping;
  return (
    <Dialog open onClose={onClose} aria-labelledby={id} fullWidth>
      <DialogTitle id={id}>{t("fork.title", { name: job.name })}</DialogTitle>
      <DialogContent>
        <DialogContentText sx={{ mb: 2 }}>{t("fork.what")}</DialogContentText>
        <Query of={checkpoints} height={200}>
          {(found) =>
            found.length === 0 ? (
              <Empty title={t("checkpoints.none")}>{t("fork.none")}</Empty>
            ) : (
              <Stack sx={{ gap: 2 }}>
                <TextField
                  select
                  label={t("fork.from")}
                  value={from ?? ""}
                  onChange={({ target }) => setFrom(target.value === "" ? undefined : Number(target.value))}
                  slotProps={{ select: { displayEmpty: true }, inputLabel: { shrink: true } }}
                >
                  <MenuItem value="">{t("fork.newest")}</MenuItem>
                  {[...found].reverse().map((one) => (
                    <MenuItem key={one.key} value={one.step}>
                      {t("fork.step", {
                        step: number(one.step),
                        at: dateTime(one.at),
                        size: bytes(one.bytes),
                      })}
                    </MenuItem>
                  ))}
                </TextField>
                <Typography variant="h3" component="h3">
                  {t("fork.hyperparameters")}
                </Typography>
                {Object.keys(fields).length === 0 && (
                  <Typography variant="body2">{t("fork.noHyperparameters")}</Typography>
                )}
                {Object.entries(fields).map(([name, value]) => (
                  <TextField
                    key={name}
                    label={name}
                    value={value}
                    onChange={({ target }) => setFields({ ...fields, [name]: target.value })}
                  />
                ))}
                <TextField
                  label={t("fork.further")}
                  placeholder='{"resources": {"workers": 2}}'
                  helperText={noMapping ? t("fork.noMapping") : t("fork.furtherHelp")}
                  error={noMapping}
                  multiline
                  minRows={2}
                  value={further}
                  onChange={({ target }) => setFurther(target.value)}
                  slotProps={{ input: { sx: { fontFamily: "monospace" } } }}
                />
                {run.error && !noMapping && <ErrorNote error={run.error} />}
              </Stack>
            )
          }
        </Query>
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{t("fork.close")}</Button>
        <Button
          variant="contained"
          loading={run.isPending}
          disabled={!checkpoints.data?.length}
          onClick={() => run.mutate()}
        >
          {t("actions.fork")}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
