import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { CopyButton } from "@/components";
import { OWN_CODE } from "../spec/fields";
import { commandLine } from "../spec/python";
import { at, textAt } from "../spec/spec";
import { useBoard } from "../state";
import { Grid } from "./Grid";
import { SpecField } from "./SpecField";
import { useTyped } from "./useTyped";

/** A program of one's own: its folder is on somebody's disk, so the command line sends it. */
export function OwnCode() {
  const { t } = useTranslation("composer");
  const { job, apply } = useBoard();
  const digest = textAt(job, ["code", "digest"]);
  const command = commandLine(job);
  return (
    <>
      <Grid>
        {OWN_CODE.filter((field) => !digest || field.path[0] !== "code").map((field) => (
          <SpecField key={field.path.join()} field={field} />
        ))}
        <Requirements />
      </Grid>
      {digest ? (
        <Alert severity="info">{t("ownCode.sent", { digest: digest.slice(0, 12) })}</Alert>
      ) : (
        <Alert severity="info" action={<CopyButton text={command} what={t("copy.command")} />}>
          {t("ownCode.note")}
          <Box component="code" sx={{ display: "block", mt: 0.5 }}>
            {command}
          </Box>
        </Alert>
      )}
      <Button
        sx={{ mt: 1 }}
        onClick={() =>
          apply(
            ["entrypoint", "code", "args", "requirements", "lock", "python"].map((one) => [[one], undefined]),
          )
        }
      >
        {t("ownCode.remove")}
      </Button>
    </>
  );
}

function Requirements() {
  const { t } = useTranslation("composer");
  const { job, set } = useBoard();
  const value = at(job, ["requirements"]);
  const { text, type } = useTyped(value, shown, (typed) => {
    const found = typed
      .split(/[\n,]/)
      .map((one) => one.trim())
      .filter(Boolean);
    return found.length ? found : undefined;
  });
  return (
    <TextField
      label={t("field.requirements")}
      helperText={t("hint.requirements")}
      value={text}
      onChange={(event) => set(["requirements"], type(event.target.value))}
      slotProps={{ inputLabel: { shrink: true } }}
    />
  );
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.join(", ") : typeof value === "string" ? value : "";
}
