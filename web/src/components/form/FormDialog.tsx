import Button, { type ButtonProps } from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import Stack from "@mui/material/Stack";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote } from "../ErrorNote";
import { type Field, FormField, type Values, wordsBeside } from "./fields";

interface Props<Result> {
  variant?: ButtonProps["variant"];
  /** The words on the button that opens it; also the title. */
  children: string;
  intro?: ReactNode;
  fields: Field[];
  initial?: Values;
  submit?: string;
  onSubmit: (values: Values) => Promise<Result>;
  /** What is shown in place of the form afterwards, such as a key that is shown once; without it the dialog closes. */
  after?: (result: Result) => ReactNode;
}

/** A button, and the form that it opens; the server's words stand beside what they are about. */
export function FormDialog<Result>(props: Props<Result>) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button variant={props.variant ?? "outlined"} onClick={() => setOpen(true)}>
        {props.children}
      </Button>
      {open && <Body {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function Body<Result>({
  children,
  intro,
  fields,
  initial,
  submit,
  onSubmit,
  after,
  onClose,
}: Props<Result> & { onClose: () => void }) {
  const { t } = useTranslation("components");
  const id = useId();
  const [values, setValues] = useState<Values>(() => ({ ...blank(fields), ...initial }));
  const [state, setState] = useState<{ busy: boolean; error: unknown; result: Result | undefined }>({
    busy: false,
    error: null,
    result: undefined,
  });
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true, error: null, result: undefined });
    try {
      const result = await onSubmit(values);
      if (after) setState({ busy: false, error: null, result });
      else onClose();
    } catch (error) {
      setState({ busy: false, error, result: undefined });
    }
  };
  const wrong = wordsBeside(state.error, fields);
  const done = after && state.result !== undefined;
  return (
    // What is shown once does not go by a click beside it.
    <Dialog open fullWidth maxWidth="sm" onClose={() => !done && onClose()} aria-labelledby={id}>
      <form onSubmit={(event) => void send(event)}>
        <DialogTitle id={id}>{children}</DialogTitle>
        <DialogContent>
          {done ? (
            after(state.result as Result)
          ) : (
            <Stack sx={{ gap: 2, pt: 1 }}>
              {intro && <DialogContentText component="div">{intro}</DialogContentText>}
              {fields.map((field) => (
                <FormField
                  key={field.name}
                  of={field}
                  value={values[field.name] ?? ""}
                  wrong={wrong.get(field.name)}
                  onChange={(value) => setValues((before) => ({ ...before, [field.name]: value }))}
                />
              ))}
              {state.error !== null && wrong.size === 0 && <ErrorNote error={state.error} />}
            </Stack>
          )}
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{done ? t("close") : t("cancel")}</Button>
          {!done && (
            <Button type="submit" variant="contained" loading={state.busy}>
              {submit ?? children}
            </Button>
          )}
        </DialogActions>
      </form>
    </Dialog>
  );
}

function blank(fields: Field[]): Values {
  return Object.fromEntries(
    fields.map(({ name, kind }) => [name, kind === "check" ? false : kind === "choices" ? [] : ""]),
  );
}
