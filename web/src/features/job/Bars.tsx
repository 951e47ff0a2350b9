import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";

export interface NamedValue {
  name: string;
  value: number;
  text: string;
}

/** Names with a bar and a figure each: a list that can be read without its bars. */
export function Bars({ of, label }: { of: NamedValue[]; label: string }) {
  const most = Math.max(...of.map((one) => Math.abs(one.value)), 0) || 1;
  return (
    <Box component="ul" aria-label={label} sx={{ listStyle: "none", m: 0, p: 0, display: "grid", gap: 0.75 }}>
      {of.map((one) => (
        <Box component="li" key={one.name}>
          <Box sx={{ display: "flex", justifyContent: "space-between", gap: 2 }}>
            <Typography variant="body2">{one.name}</Typography>
            <Typography variant="body2" sx={{ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" }}>
              {one.text}
            </Typography>
          </Box>
          <Box aria-hidden sx={{ height: 8, borderRadius: 1, bgcolor: "action.hover", overflow: "hidden" }}>
            <Box
              sx={{ height: "100%", bgcolor: one.value < 0 ? "warning.main" : "primary.main" }}
              style={{ width: `${(100 * Math.abs(one.value)) / most}%` }}
            />
          </Box>
        </Box>
      ))}
    </Box>
  );
}
