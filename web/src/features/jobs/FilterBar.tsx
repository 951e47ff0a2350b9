import { mdiMagnify } from "@mdi/js";
import InputAdornment from "@mui/material/InputAdornment";
import MenuItem from "@mui/material/MenuItem";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "@/components";
import { type Filters, KINDS, SINCE, type Since, type Status, STATUSES } from "./filters";

const TYPED_MS = 300;

interface Props {
  filters: Filters;
  onChange: (next: Filters) => void;
  /** How many jobs there are in each status, if that is known. */
  counts?: Partial<Record<string, number>>;
}

export function FilterBar({ filters, onChange, counts = {} }: Props) {
  const { t } = useTranslation("jobs");
  const status = (one: Status) => t(`components:status.${one}`);
  const counted = (one: Status) => (counts[one] === undefined ? "" : ` (${counts[one]})`);
  return (
    <Stack
      role="search"
      direction="row"
      useFlexGap
      sx={{ flexWrap: "wrap", gap: 1, "& .MuiTextField-root": { flex: { xs: "1 1 140px", sm: "0 1 auto" } } }}
    >
      <Search value={filters.q} onChange={(q) => onChange({ ...filters, q })} />
      <TextField
        select
        label={t("column.status")}
        value={filters.status}
        onChange={(event) => onChange({ ...filters, status: chosen(event.target.value) })}
        sx={{ minWidth: 140, maxWidth: 280 }}
        slotProps={{
          inputLabel: { shrink: true },
          select: {
            multiple: true,
            displayEmpty: true,
            renderValue: (some) => (some as Status[]).map(status).join(", ") || t("filter.any"),
          },
        }}
      >
        {STATUSES.map((one) => (
          <MenuItem key={one} value={one}>
            {status(one)}
            {counted(one)}
          </MenuItem>
        ))}
      </TextField>
      <Choice
        label={t("column.kind")}
        value={filters.kind}
        any={t("filter.any")}
        of={KINDS.map((kind) => [kind, t(`kind.${kind}`)])}
        onChange={(kind) => onChange({ ...filters, kind })}
      />
      <Choice
        label={t("column.created")}
        value={filters.since}
        any={t("filter.anyTime")}
        of={Object.keys(SINCE).map((since) => [since, t(`since.${since}`)])}
        onChange={(since) => onChange({ ...filters, since: since as Since | "" })}
      />
    </Stack>
  );
}

/** The list of statuses comes as an array from the menu, and as a text from the browser's memory of forms. */
function chosen(value: unknown): Status[] {
  const some = Array.isArray(value) ? (value as unknown[]) : String(value).split(",");
  return STATUSES.filter((one) => some.includes(one));
}

function Choice(props: {
  label: string;
  value: string;
  any: string;
  of: [value: string, label: string][];
  onChange: (value: string) => void;
}) {
  return (
    <TextField
      select
      label={props.label}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value)}
      sx={{ minWidth: 120 }}
      slotProps={{ inputLabel: { shrink: true }, select: { displayEmpty: true } }}
    >
      <MenuItem value="">{props.any}</MenuItem>
      {props.of.map(([value, label]) => (
        <MenuItem key={value} value={value}>
          {label}
        </MenuItem>
      ))}
    </TextField>
  );
}

/** Asks when one has stopped typing. */
function Search({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation("jobs");
  const [typed, setTyped] = useState(value);
  const [before, setBefore] = useState(value);
  const latest = useRef(onChange);
  if (before !== value) {
    // The address was changed by something else: a saved view, or the way back.
    setBefore(value);
    setTyped(value);
  }
  useEffect(() => {
    latest.current = onChange;
  });
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = setTimeout(() => latest.current(typed.trim()), TYPED_MS);
    return () => clearTimeout(timer);
  }, [typed, value]);
  return (
    <TextField
      type="search"
      label={t("filter.search")}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      sx={{ minWidth: 200 }}
      slotProps={{
        htmlInput: { maxLength: 100 },
        input: {
          startAdornment: (
            <InputAdornment position="start">
              <Icon path={mdiMagnify} fontSize="small" />
            </InputAdornment>
          ),
        },
      }}
    />
  );
}
