import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton, ErrorNote, Panel, useToast } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { useSession } from "@/lib/session";
import { useMyself } from "./queries";

const QrCode = lazy(() => import("./QrCode"));

export function SecondFactor() {
  const { t } = useTranslation("access");
  const { caller } = useSession();
  const myself = useMyself(caller.username, true);
  const begin = useMutation({ mutationFn: () => got(client.POST("/api/v1/auth/code")) });
  const has = myself.data?.has_code === true;
  return (
    <Panel title={t("code.title")}>
      <Stack sx={{ gap: 2 }}>
        <Typography variant="body2" color="textSecondary">
          {t("code.about")}
        </Typography>
        {has && !begin.data && <Alert severity="success">{t("code.there")}</Alert>}
        {begin.isError && <ErrorNote error={begin.error} />}
        {begin.data ? (
          <Confirm of={begin.data} onDone={() => begin.reset()} />
        ) : (
          <Button
            variant="contained"
            loading={begin.isPending}
            onClick={() => begin.mutate()}
            sx={{ alignSelf: "start" }}
          >
            {t(has ? "code.anew" : "code.begin")}
          </Button>
        )}
      </Stack>
    </Panel>
  );
}

function Confirm({ of, onDone }: { of: Schemas["CodeSecret"]; onDone: () => void }) {
  const { t } = useTranslation(["access", "components"]);
  const toast = useToast();
  const queries = useQueryClient();
  const [code, setCode] = useState("");
  const confirm = useMutation({
    mutationFn: () =>
      got(client.PUT("/api/v1/auth/code", { body: { secret: of.secret, code: code.trim() } })),
    onSuccess: () => {
      toast(t("code.done"), "success");
      onDone();
      return queries.invalidateQueries({ queryKey: ["users"] });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    confirm.mutate();
  };
  return (
    <Stack component="form" onSubmit={submit} sx={{ gap: 2 }}>
      <Typography variant="body2">{t("code.scan")}</Typography>
      <Suspense fallback={<Skeleton variant="rounded" width={200} height={200} />}>
        <QrCode text={of.uri} label={t("code.qr")} />
      </Suspense>
      <Stack direction="row" sx={{ gap: 1, alignItems: "center" }}>
        <Typography variant="body2">
          {t("code.secret")} <code>{of.secret}</code>
        </Typography>
        <CopyButton text={of.secret} what={t("code.secretWord")} />
      </Stack>
      <TextField
        required
        label={t("code.code")}
        value={code}
        autoComplete="one-time-code"
        onChange={(event) => setCode(event.target.value)}
        slotProps={{ htmlInput: { inputMode: "numeric", maxLength: 20 } }}
        sx={{ maxWidth: 200 }}
      />
      {confirm.isError && <ErrorNote error={confirm.error} />}
      <Stack direction="row" sx={{ gap: 1 }}>
        <Button type="submit" variant="contained" loading={confirm.isPending}>
          {t("code.confirm")}
        </Button>
        <Button onClick={onDone}>{t("cancel", { ns: "components" })}</Button>
      </Stack>
    </Stack>
  );
}
