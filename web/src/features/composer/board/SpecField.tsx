import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { type Field, keyOf } from "../spec/fields";
import { shownValue, typedValue } from "../spec/parameters";
import { at, wrongAt } from "../spec/spec";
import { useBoard } from "../state";
import { useTyped } from "./useTyped";

const NUMERIC = new Set(["any"]);
const TEXT = new Set(["string"]);

/** One plain field of the job: what it is when left out stands there in grey. */
export function SpecField({ field }: { field: Field }) {
  const { t } = useTranslation("composer");
  const { job, set, refused } = useBoard();
  const key = keyOf(field.path);
  const value = at(job, field.path);
  const { text, type } = useTyped(value, shownValue, (typed) => readAs(field, typed));
  const wrong = wrongAt(refused, field.path);
  const hint = t(`hint.${key}`, { defaultValue: "" });
  const common = {
    label: t(`field.${key}`),
    error: wrong !== undefined,
    helperText: wrong ?? (hint || " "),
    fullWidth: true,
    value: text,
    onChange: (event: { target: { value: string } }) => set(field.path, type(event.target.value)),
  };
  if (field.kind === "choice") {
    return (
      <TextField {...common} select slotProps={{ select: { native: true }, inputLabel: { shrink: true } }}>
        <option value="">{field.usual === undefined ? t("auto") : t("usual", { value: field.usual })}</option>
        {field.options?.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
        {text !== "" && !field.options?.includes(text) && <option value={text}>{text}</option>}
      </TextField>
    );
  }
  const mode = field.kind === "integer" ? "numeric" : field.kind === "number" ? "decimal" : "text";
  return (
    <TextField
      {...common}
      placeholder={field.usual === undefined ? "" : String(field.usual)}
      slotProps={{ htmlInput: { inputMode: mode, autoComplete: "off" }, inputLabel: { shrink: true } }}
    />
  );
}

/** Sizes and durations are text with a unit, or a number. */
function readAs(field: Field, text: string): unknown {
  const last = field.path.at(-1);
  const mayBeNumber =
    field.kind !== "text" || last === "timeout" || last === "memory" || last === "max_bytes";
  return typedValue(text, mayBeNumber && field.kind !== "choice" ? NUMERIC : TEXT);
}

export function SpecFields({ of }: { of: readonly Field[] }) {
  return of.map((one) => <SpecField key={keyOf(one.path)} field={one} />);
}
