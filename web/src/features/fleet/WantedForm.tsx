import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote, useToast } from "@/components";
import { useWanted } from "./queries";
import type { Limits } from "./scaling";

const MOST_SLOTS = 1024;

interface Props {
  autoscaled: boolean;
  limits: Limits;
  /** So many are wanted, or there, now. */
  now: number | null;
}

/** Sets the size of the fleet by hand. */
export function WantedForm({ autoscaled, limits, now }: Props) {
  const { t } = useTranslation("fleet");
  const [text, setText] = useState("");
  const wanted = useWanted(autoscaled);
  const toast = useToast();
  const [low, high] = autoscaled ? [limits.min, limits.max] : [1, MOST_SLOTS];
  const count = Number(text);
  const wrong = text !== "" && !(Number.isInteger(count) && count >= low && count <= high);
  const set = (workers: number | null) =>
    wanted.mutate(workers, {
      onSuccess: () => {
        setText("");
        toast(workers === null ? t("automaticSet") : t("wantedSet", { count: workers }), "success");
      },
    });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text !== "" && !wrong) set(count);
  };
  return (
    <Box component="form" onSubmit={submit} noValidate>
      <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap", alignItems: "flex-start" }}>
        <TextField
          label={t("wanted")}
          type="number"
          value={text}
          placeholder={now === null ? "" : String(now)}
          error={wrong}
          helperText={
            wrong ? t("wantedWrong", { low, high }) : t(autoscaled ? "wantedHint" : "wantedSlotsHint")
          }
          onChange={(event) => setText(event.target.value)}
          slotProps={{ htmlInput: { min: low, max: high, step: 1 }, inputLabel: { shrink: true } }}
          sx={{ flex: "1 1 200px", maxWidth: 320 }}
        />
        <Button
          type="submit"
          variant="contained"
          loading={wanted.isPending}
          disabled={text === "" || wrong}
          sx={{ minHeight: 40 }}
        >
          {t("set")}
        </Button>
        {autoscaled && (
          <Button variant="outlined" onClick={() => set(null)} sx={{ minHeight: 40 }}>
            {t("automatic")}
          </Button>
        )}
      </Stack>
      {wanted.isError && <ErrorNote error={wanted.error} />}
    </Box>
  );
}
