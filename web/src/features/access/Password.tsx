import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote, Panel, useToast } from "@/components";
import { client, got } from "@/lib/api";

const EMPTY = { old: "", first: "", second: "" };

export function Password() {
  const { t } = useTranslation("access");
  const toast = useToast();
  const queries = useQueryClient();
  const [typed, setTyped] = useState(EMPTY);
  const change = useMutation({
    mutationFn: () =>
      got(client.POST("/api/v1/auth/password", { body: { old: typed.old, new: typed.first } })),
    onSuccess: () => {
      setTyped(EMPTY);
      toast(t("password.changed"), "success");
      return queries.invalidateQueries({ queryKey: ["sessions"] });
    },
  });
  const differ = typed.second !== "" && typed.first !== typed.second;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed.first === typed.second) change.mutate();
  };
  const field = (name: keyof typeof EMPTY, autoComplete: string, error = false) => (
    <TextField
      required
      type="password"
      label={t(`password.${name}`)}
      value={typed[name]}
      error={error}
      helperText={error ? t("password.differ") : undefined}
      autoComplete={autoComplete}
      onChange={(event) => setTyped({ ...typed, [name]: event.target.value })}
      slotProps={{ htmlInput: { maxLength: 1000 } }}
    />
  );
  return (
    <Panel title={t("password.title")}>
      <Stack component="form" onSubmit={submit} sx={{ gap: 2, maxWidth: 360 }}>
        <Typography variant="body2" color="textSecondary">
          {t("password.about")}
        </Typography>
        {field("old", "current-password")}
        {field("first", "new-password")}
        {field("second", "new-password", differ)}
        {change.isError && <ErrorNote error={change.error} />}
        <Button
          type="submit"
          variant="contained"
          loading={change.isPending}
          disabled={differ}
          sx={{ alignSelf: "start" }}
        >
          {t("password.submit")}
        </Button>
      </Stack>
    </Panel>
  );
}
