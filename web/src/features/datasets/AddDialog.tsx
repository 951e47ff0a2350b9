import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import LinearProgress from "@mui/material/LinearProgress";
import MenuItem from "@mui/material/MenuItem";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { ErrorNote, useToast } from "@/components";
import { bytes } from "@/lib/format";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { nameFrom } from "@/lib/upload";
import { useReadableWorkspaces } from "@/lib/workspaces";
import { FilePicker } from "./FilePicker";
import { Samples } from "./Samples";
import { useUpload } from "./useUpload";

/** Adds a dataset, or a further version to the one that is given. */
export function AddDialog({
  onClose,
  to,
}: {
  onClose: () => void;
  to?: { name: string; workspace: string };
}) {
  const { t } = useTranslation("datasets");
  const id = useId();
  const toast = useToast();
  const navigate = useNavigate();
  const { homeWorkspace } = useSession();
  const { workspaces } = useReadableWorkspaces("datasets:write");
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState(to?.name ?? "");
  const [target, setTarget] = useState("");
  const [workspace, setWorkspace] = useState(to?.workspace ?? homeWorkspace);
  const { send, stop, progress, error } = useUpload((version, wanted) => {
    toast(t("add.done", { name: version.name, version: version.version, count: version.rows }), "success");
    onClose();
    void navigate(paths.dataset(version.name, version.version, wanted.workspace));
  });
  const busy = progress !== null;
  const choose = (chosen: File) => {
    setFile(chosen);
    if (!to && (name === "" || (file && name === nameFrom(file.name)))) setName(nameFrom(chosen.name));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (file) void send({ file, name: name.trim(), target: target.trim(), workspace });
  };
  const whole = progress !== null && progress.done === progress.total;
  return (
    <Dialog open fullWidth maxWidth="sm" onClose={() => !busy && onClose()} aria-labelledby={id}>
      <DialogTitle id={id}>{to ? t("add.versionOf", { name: to.name }) : t("add.button")}</DialogTitle>
      <form onSubmit={submit}>
        <DialogContent>
          <Stack spacing={2}>
            <FilePicker file={file} onFile={choose} disabled={busy} />
            <Typography variant="body2" color="textSecondary">
              {t("add.formats")}
            </Typography>
            {!to && (
              <TextField
                label={t("add.name")}
                required
                value={name}
                disabled={busy}
                onChange={(event) => setName(event.target.value)}
                slotProps={{ htmlInput: { maxLength: 100, pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*" } }}
                helperText={t("add.nameHelp")}
              />
            )}
            <TextField
              label={t("add.target")}
              value={target}
              disabled={busy}
              onChange={(event) => setTarget(event.target.value)}
              helperText={t("add.targetHelp")}
            />
            {!to && workspaces.length > 1 && (
              <TextField
                select
                label={t("workspace")}
                value={workspace}
                disabled={busy}
                onChange={(event) => setWorkspace(event.target.value)}
              >
                {[...new Set([...workspaces, workspace])].map((one) => (
                  <MenuItem key={one} value={one}>
                    {one}
                  </MenuItem>
                ))}
              </TextField>
            )}
            {progress && (
              <div aria-live="polite">
                <LinearProgress
                  variant={whole ? "indeterminate" : "determinate"}
                  value={(progress.done / Math.max(progress.total, 1)) * 100}
                  aria-label={t("add.sending")}
                />
                <Typography variant="body2" color="textSecondary" sx={{ mt: 0.5 }}>
                  {whole
                    ? t("add.reading")
                    : t("add.sent", { done: bytes(progress.done), total: bytes(progress.total) })}
                </Typography>
              </div>
            )}
            {error !== null && <ErrorNote error={error} />}
            {!to && !busy && <Samples workspace={workspace} onOpen={onClose} />}
          </Stack>
        </DialogContent>
        <DialogActions>
          <Button onClick={busy ? stop : onClose}>{busy ? t("add.stop") : t("add.cancel")}</Button>
          <Button type="submit" variant="contained" disabled={!file || !name.trim()} loading={busy}>
            {t("add.upload")}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
