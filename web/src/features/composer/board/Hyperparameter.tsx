import Box from "@mui/material/Box";
import FormControlLabel from "@mui/material/FormControlLabel";
import Switch from "@mui/material/Switch";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { limits, type Parameter, same, shownValue, typedValue, worthWriting } from "../spec/parameters";
import { at, wrongAt } from "../spec/spec";
import { isTuned, tuned, untuned } from "../spec/tuning";
import { useBoard } from "../state";
import { RangeEditor } from "./RangeEditor";
import { useTyped } from "./useTyped";

interface Props {
  parameter: Parameter;
  /** What a study would go by. */
  metric: string;
}

export function Hyperparameter({ parameter, metric }: Props) {
  const { t } = useTranslation("composer");
  const { job, apply } = useBoard();
  const { name } = parameter;
  const searched = isTuned(job, name);
  const id = useId();
  return (
    <Box sx={{ minWidth: 0, pt: 1 }}>
      {searched ? (
        <>
          <Typography id={id} variant="body2" sx={{ fontWeight: 600 }}>
            {name}
          </Typography>
          <RangeEditor parameter={parameter} />
        </>
      ) : (
        <ValueField parameter={parameter} id={id} />
      )}
      <FormControlLabel
        sx={{ ml: 0, gap: 0.5 }}
        control={
          <Switch
            size="small"
            checked={searched}
            onChange={() => apply(searched ? untuned(job, name) : tuned(job, parameter, metric))}
            slotProps={{ input: { "aria-describedby": searched ? id : `${id}-label` } }}
          />
        }
        label={<Typography variant="body2">{t("tune.this")}</Typography>}
      />
    </Box>
  );
}

function ValueField({ parameter, id }: { parameter: Parameter; id: string }) {
  const { t } = useTranslation("composer");
  const { job, set, refused } = useBoard();
  const path = ["hyperparameters", parameter.name];
  const value = at(job, path);
  // A default that is typed stays out of the file, and in the field.
  const { text, type } = useTyped(value, shownValue, (typed) =>
    worthWriting(parameter, typedValue(typed, parameter.types)),
  );
  const wrong = wrongAt(refused, path);
  const said = [parameter.description, limits(parameter, (key, values) => t(`limit.${key}`, values))];
  const common = {
    id,
    fullWidth: true,
    label: parameter.name,
    error: wrong !== undefined,
    helperText: wrong ?? (said.filter(Boolean).join("; ") || " "),
  };
  if (parameter.choices) {
    const chosen = parameter.choices.findIndex((one) => same(one, value));
    return (
      <TextField
        {...common}
        select
        value={value === undefined ? "" : chosen < 0 ? "other" : String(chosen)}
        onChange={(event) =>
          set(path, worthWriting(parameter, parameter.choices?.[Number(event.target.value || "-1")]))
        }
        slotProps={{ select: { native: true }, inputLabel: { shrink: true } }}
      >
        <option value="">{t("usual", { value: shownValue(parameter.default) })}</option>
        {parameter.choices.map((one, index) =>
          same(one, parameter.default) ? null : (
            <option key={index} value={index}>
              {shownValue(one)}
            </option>
          ),
        )}
        {value !== undefined && chosen < 0 && <option value="other">{shownValue(value)}</option>}
      </TextField>
    );
  }
  const isNumber = !parameter.types.has("array") && !parameter.types.has("string");
  return (
    <>
      <TextField
        {...common}
        placeholder={shownValue(parameter.default)}
        value={text}
        onChange={(event) => set(path, type(event.target.value))}
        slotProps={{
          inputLabel: { shrink: true },
          htmlInput: {
            autoComplete: "off",
            inputMode: isNumber && !parameter.types.has("null") ? "decimal" : "text",
            ...(parameter.words.length ? { list: `${id}-words` } : {}),
          },
        }}
      />
      {parameter.words.length > 0 && (
        <datalist id={`${id}-words`}>
          {parameter.words.map((word) => (
            <option key={word} value={word} />
          ))}
        </datalist>
      )}
    </>
  );
}
