import Autocomplete from "@mui/material/Autocomplete";
import Checkbox from "@mui/material/Checkbox";
import FormControlLabel from "@mui/material/FormControlLabel";
import FormHelperText from "@mui/material/FormHelperText";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import { ApiError } from "@/lib/api";

export type Value = string | boolean | string[];
export type Values = Record<string, Value>;

/** One control of a form; `name` is what the API calls it, so that its words about it stand beside it. */
export interface Field {
  name: string;
  label: string;
  kind?: "text" | "password" | "number" | "date" | "check" | "choice" | "choices" | "long";
  help?: string;
  required?: boolean;
  options?: { value: string; label: string }[];
  autoComplete?: string;
}

export function textOf(values: Values, name: string): string {
  const found = values[name];
  return typeof found === "string" ? found.trim() : "";
}

export function listOf(values: Values, name: string): string[] {
  const found = values[name];
  return Array.isArray(found) ? found : [];
}

/** What the server says about each field ("body.name" is about `name`), and whether there is more that it says. */
export function wordsBeside(error: unknown, fields: readonly Field[]): Map<string, string> {
  const found = new Map<string, string>();
  if (!(error instanceof ApiError)) return found;
  for (const one of error.fields) {
    const field = fields.find(({ name }) => one.field.split(".").includes(name));
    if (field) found.set(field.name, one.message);
  }
  return found;
}

const TYPES: Partial<Record<NonNullable<Field["kind"]>, string>> = {
  password: "password",
  number: "number",
  date: "datetime-local",
};

interface Props {
  of: Field;
  value: Value;
  wrong: string | undefined;
  onChange: (value: Value) => void;
}

export function FormField({ of: field, value, wrong, onChange }: Props) {
  if (field.kind === "check") {
    return (
      <div>
        <FormControlLabel
          label={field.label}
          control={<Checkbox checked={value === true} onChange={(_, on) => onChange(on)} />}
        />
        {(wrong ?? field.help) && (
          <FormHelperText error={Boolean(wrong)}>{wrong ?? field.help}</FormHelperText>
        )}
      </div>
    );
  }
  if (field.kind === "choices") return <Choices of={field} value={value} wrong={wrong} onChange={onChange} />;
  const type = TYPES[field.kind ?? "text"] ?? "text";
  return (
    <TextField
      fullWidth
      label={field.label}
      type={type}
      value={value}
      required={field.required ?? false}
      error={Boolean(wrong)}
      helperText={wrong ?? field.help}
      select={field.kind === "choice"}
      multiline={field.kind === "long"}
      minRows={field.kind === "long" ? 3 : 1}
      autoComplete={field.autoComplete ?? "off"}
      onChange={(event) => onChange(event.target.value)}
      slotProps={{
        inputLabel: field.kind === "date" ? { shrink: true } : {},
        htmlInput: field.kind === "number" ? { min: 0, step: "any" } : {},
      }}
    >
      {field.options?.map((one) => (
        <MenuItem key={one.value} value={one.value}>
          {one.label}
        </MenuItem>
      ))}
    </TextField>
  );
}

function Choices({ of: field, value, wrong, onChange }: Props) {
  const options = field.options ?? [];
  return (
    <Autocomplete
      multiple
      disableCloseOnSelect
      size="small"
      options={options.map((one) => one.value)}
      getOptionLabel={(chosen) => options.find((one) => one.value === chosen)?.label ?? chosen}
      value={Array.isArray(value) ? value : []}
      onChange={(_, chosen) => onChange(chosen)}
      renderInput={(params) => (
        <TextField {...params} label={field.label} error={Boolean(wrong)} helperText={wrong ?? field.help} />
      )}
    />
  );
}
