import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { percent } from "@/lib/format";
import { type Part, PARTS, sharesOf } from "../waste";

const COLOURS: Record<Part, string> = {
  useful: "success.main",
  idle: "text.disabled",
  lost: "warning.main",
  hung: "error.main",
  running: "info.main",
};

/** What held time was good for, as one bar; the figures stand beside it or below. */
export function WasteBar({ of, label }: { of: Readonly<Record<string, number>>; label: string }) {
  const { t } = useTranslation("admin");
  const shares = sharesOf(of);
  const there = PARTS.filter((part) => shares[part] > 0);
  const said = there.map((part) => `${t(`ledger.parts.${part}`)} ${percent(shares[part])}`).join(", ");
  return (
    <Box
      role="img"
      aria-label={`${label}: ${said || "–"}`}
      title={said}
      sx={{
        display: "flex",
        gap: "2px",
        height: 12,
        width: "100%",
        bgcolor: "action.hover",
        borderRadius: 1,
        overflow: "hidden",
      }}
    >
      {there.map((part) => (
        <Box key={part} sx={{ bgcolor: COLOURS[part] }} style={{ width: `${shares[part] * 100}%` }} />
      ))}
    </Box>
  );
}

/** What the colours mean, and what each part is. */
export function WasteLegend({ of: shares }: { of: Record<Part, number> }) {
  const { t } = useTranslation("admin");
  return (
    <Box component="ul" sx={{ m: 0, p: 0, listStyle: "none", display: "grid", gap: 0.5 }}>
      {PARTS.map((part) => (
        <Box component="li" key={part} sx={{ display: "flex", gap: 1, alignItems: "baseline" }}>
          <Box
            aria-hidden
            sx={{ width: 12, height: 12, flexShrink: 0, borderRadius: 0.5, bgcolor: COLOURS[part] }}
          />
          <Typography variant="body2">
            <strong>
              {t(`ledger.parts.${part}`)} {percent(shares[part])}
            </strong>{" "}
            {t(`ledger.explained.${part}`)}
          </Typography>
        </Box>
      ))}
    </Box>
  );
}
