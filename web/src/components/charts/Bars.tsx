import Box from "@mui/material/Box";
import { number, percent } from "@/lib/format";

interface Props {
  /** What is listed, for people who do not see it. */
  label: string;
  of: readonly { label: string; value: number }[];
  /** Of what the values are shares; default: no shares are told. */
  total?: number;
  second?: boolean;
}

/** Values as bars that lie, each with its name and its figure: a list that is read as one. */
export function Bars({ label, of, total, second = false }: Props) {
  const most = Math.max(...of.map((one) => one.value), 0) || 1;
  return (
    <Box component="ul" aria-label={label} sx={{ m: 0, p: 0, listStyle: "none", fontSize: "0.8125rem" }}>
      {of.map((one) => (
        <Box component="li" key={one.label} sx={{ mb: 0.75 }}>
          <Box sx={{ display: "flex", justifyContent: "space-between", gap: 1 }}>
            <Box component="span" sx={{ minWidth: 0, overflow: "hidden", textOverflow: "ellipsis" }}>
              {one.label}
            </Box>
            <Box component="span" sx={{ color: "text.secondary", whiteSpace: "nowrap" }}>
              {number(one.value)}
              {total ? ` (${percent(one.value / total, 1)})` : ""}
            </Box>
          </Box>
          <Box
            aria-hidden
            sx={{
              height: 6,
              borderRadius: 1,
              bgcolor: second ? "secondary.main" : "primary.main",
              width: `${Math.max((one.value / most) * 100, 0.5)}%`,
            }}
          />
        </Box>
      ))}
    </Box>
  );
}

/** The same within one line of a table: how much each value has, the most frequent first. */
export function BarLine({ label, of, total, second = false }: Props) {
  const parts = of.slice(0, 10);
  const whole = total || parts.reduce((sum, one) => sum + one.value, 0) || 1;
  const said = parts.slice(0, 3).map((one) => `${one.label} ${percent(one.value / whole)}`);
  return (
    <Box
      role="img"
      aria-label={`${label}. ${said.join("; ")}`}
      title={said.join("; ")}
      sx={{ display: "flex", gap: "2px", height: 14, width: "100%", bgcolor: "action.hover" }}
    >
      {parts.map((one, at) => (
        <Box
          key={at}
          sx={{ bgcolor: second ? "secondary.main" : "primary.main", opacity: Math.max(1 - at * 0.12, 0.25) }}
          style={{ width: `${(one.value / whole) * 100}%` }}
        />
      ))}
    </Box>
  );
}
