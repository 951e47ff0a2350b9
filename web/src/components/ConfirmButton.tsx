import Button, { type ButtonProps } from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote } from "./ErrorNote";

interface Props extends Omit<ButtonProps, "onClick"> {
  question: string;
  /** What will be different, and whether it can be undone. */
  explanation?: string;
  /** The word on the button that does it; default: the button's own text. */
  confirm?: string;
  onConfirm: () => Promise<unknown>;
}

/** A button for what cannot be undone: it asks first, and stays open with the reason if it did not work. */
export function ConfirmButton({ question, explanation, confirm, onConfirm, children, ...rest }: Props) {
  const { t } = useTranslation("components");
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const id = useId();
  const run = async () => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      setOpen(false);
    } catch (found) {
      setError(found);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button {...rest} onClick={() => (setError(null), setOpen(true))}>
        {children}
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} aria-labelledby={id}>
        <DialogTitle id={id}>{question}</DialogTitle>
        <DialogContent>
          {explanation && <DialogContentText>{explanation}</DialogContentText>}
          {error !== null && <ErrorNote error={error} />}
        </DialogContent>
        <DialogActions>
          <Button onClick={() => setOpen(false)}>{t("cancel")}</Button>
          <Button
            autoFocus
            variant="contained"
            color={rest.color ?? "primary"}
            loading={busy}
            onClick={() => void run()}
          >
            {confirm ?? children}
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}
