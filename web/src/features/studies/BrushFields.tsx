import Box from "@mui/material/Box";
import Checkbox from "@mui/material/Checkbox";
import FormControlLabel from "@mui/material/FormControlLabel";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { figure } from "@/lib/format";
import type { Axis } from "./axes";
import { type Brush, brushFromFields, type Brushes } from "./brush";
import { shown } from "./values";

interface Props {
  axes: Axis[];
  brushes: Brushes;
  onBrush: (id: string, brush: Brush | null) => void;
}

/** The same as drawing on the axes, by keyboard. */
export function BrushFields({ axes, brushes, onBrush }: Props) {
  return (
    <Box
      sx={{
        mt: 2,
        display: "grid",
        gap: 2,
        gridTemplateColumns: "repeat(auto-fill, minmax(min(260px, 100%), 1fr))",
      }}
    >
      {axes.map((axis) => {
        const brush = brushes[axis.id];
        const set = (next: Brush | null) => onBrush(axis.id, next);
        return (
          <Box
            component="fieldset"
            key={axis.id}
            sx={{ border: 1, borderColor: "divider", borderRadius: 1, p: 1, m: 0, minWidth: 0 }}
          >
            <Typography component="legend" variant="body2" sx={{ fontWeight: 600 }}>
              {axis.label}
            </Typography>
            {axis.categories ? (
              <Choices axis={axis} categories={axis.categories} brush={brush} onChange={set} />
            ) : (
              // Drawing on the axis writes into the fields: they begin anew with what was drawn.
              <Ends key={JSON.stringify(brush ?? null)} axis={axis} brush={brush} onChange={set} />
            )}
          </Box>
        );
      })}
    </Box>
  );
}

interface One {
  axis: Axis;
  brush: Brush | undefined;
  onChange: (next: Brush | null) => void;
}

function Ends({ axis, brush, onChange }: One) {
  const { t } = useTranslation("studies");
  const given = brush && "from" in brush ? brush : null;
  const [from, setFrom] = useState(given ? String(Number(given.from.toPrecision(6))) : "");
  const [to, setTo] = useState(given ? String(Number(given.to.toPrecision(6))) : "");
  const apply = () => onChange(brushFromFields(axis, from, to));
  const field = (label: string, value: string, set: (text: string) => void, end: number) => (
    <TextField
      label={label}
      value={value}
      placeholder={figure(end)}
      error={value.trim() !== "" && Number.isNaN(Number(value))}
      onChange={(event) => set(event.target.value)}
      onBlur={apply}
      onKeyDown={(event) => event.key === "Enter" && apply()}
      slotProps={{ htmlInput: { inputMode: "decimal", "aria-label": `${axis.label}: ${label}` } }}
      sx={{ flex: 1, minWidth: 0 }}
    />
  );
  return (
    <Stack direction="row" spacing={1} sx={{ pt: 1 }}>
      {field(t("from"), from, setFrom, axis.low)}
      {field(t("to"), to, setTo, axis.high)}
    </Stack>
  );
}

function Choices({ categories, brush, onChange }: One & { categories: unknown[] }) {
  const all = categories.map((_, at) => at);
  const only = brush && "only" in brush ? brush.only : all;
  const toggle = (at: number, on: boolean) => {
    const next = all.filter((one) => (one === at ? on : only.includes(one)));
    onChange(next.length === all.length ? null : { only: next });
  };
  return (
    <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", maxHeight: 160, overflow: "auto" }}>
      {categories.map((one, at) => (
        <FormControlLabel
          key={at}
          control={<Checkbox size="small" checked={only.includes(at)} onChange={(_, on) => toggle(at, on)} />}
          label={shown(one)}
        />
      ))}
    </Stack>
  );
}
