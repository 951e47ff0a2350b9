import FormHelperText from "@mui/material/FormHelperText";
import FormControlLabel from "@mui/material/FormControlLabel";
import Stack from "@mui/material/Stack";
import Checkbox from "@mui/material/Checkbox";
import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { type Parameter, shownValue, typedValue } from "../spec/parameters";
import { at, wrongAt } from "../spec/spec";
import { type Kind, type Range, rangeOf, written } from "../spec/tuning";
import { useBoard } from "../state";
import { useTyped } from "./useTyped";

const ANY = new Set(["any"]);

/** Between which values a study looks. */
export function RangeEditor({ parameter }: { parameter: Parameter }) {
  const { t } = useTranslation("composer");
  const { job, set, refused } = useBoard();
  const path = ["tune", "space", parameter.name];
  const range = rangeOf(at(job, path));
  const wrong = wrongAt(refused, path);
  if (range === null) return <FormHelperText>{t("tune.odd")}</FormHelperText>;
  const change = (next: Partial<Range>) => set(path, written({ ...range, ...next }));
  const kinds: Kind[] = ["float", "int", "choice"];
  return (
    <>
      <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap", pt: 1 }}>
        <TextField
          select
          label={t("tune.kind")}
          value={range.kind}
          onChange={(event) => change(asKind(range, event.target.value as Kind))}
          slotProps={{ select: { native: true } }}
          sx={{ flex: "1 1 7rem" }}
        >
          {kinds.map((kind) => (
            <option key={kind} value={kind}>
              {t(`tune.${kind}`)}
            </option>
          ))}
        </TextField>
        {range.kind === "choice" ? (
          <Choices range={range} onChange={(choices) => change({ choices })} />
        ) : (
          <>
            <End label={t("tune.low")} value={range.low} onChange={(low) => change({ low })} />
            <End label={t("tune.high")} value={range.high} onChange={(high) => change({ high })} />
          </>
        )}
      </Stack>
      {range.kind !== "choice" && (
        <FormControlLabel
          control={<Checkbox size="small" checked={range.log} onChange={(_, log) => change({ log })} />}
          label={t("tune.log")}
        />
      )}
      {wrong && <FormHelperText error>{wrong}</FormHelperText>}
    </>
  );
}

function asKind(range: Range, kind: Kind): Range {
  if (kind === "choice")
    return { ...range, kind, choices: range.choices.length ? range.choices : [range.low, range.high] };
  const numbers = range.choices.filter((one): one is number => typeof one === "number");
  const [low, high] =
    range.kind === "choice" && numbers.length > 1
      ? [Math.min(...numbers), Math.max(...numbers)]
      : [range.low, range.high];
  if (kind === "float") return { ...range, kind, low, high };
  const from = Math.max(Math.floor(low), range.log ? 1 : -Infinity);
  return { ...range, kind, low: from, high: Math.max(Math.ceil(high), from) };
}

function End({
  label,
  value,
  onChange,
}: {
  label: string;
  value: number;
  onChange: (value: number) => void;
}) {
  const { text, type } = useTyped(value, shownValue, (typed) => typedValue(typed, ANY));
  return (
    <TextField
      label={label}
      value={text}
      onChange={(event) => {
        const meant = type(event.target.value);
        // What is half typed is no number yet: the file keeps the last one.
        if (typeof meant === "number") onChange(meant);
      }}
      slotProps={{ htmlInput: { inputMode: "decimal", autoComplete: "off" } }}
      sx={{ flex: "1 1 5rem" }}
    />
  );
}

function Choices({ range, onChange }: { range: Range; onChange: (choices: unknown[]) => void }) {
  const { t } = useTranslation("composer");
  const { text, type } = useTyped(range.choices, listed, (typed) => typedValue(`[${typed}]`, ANY));
  return (
    <TextField
      label={t("tune.choices")}
      value={text}
      onChange={(event) => {
        const meant = type(event.target.value);
        if (Array.isArray(meant)) onChange(meant);
      }}
      sx={{ flex: "2 1 12rem" }}
    />
  );
}

function listed(value: unknown): string {
  return Array.isArray(value)
    ? value.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(", ")
    : "";
}
