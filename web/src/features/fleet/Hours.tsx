import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import { useTranslation } from "react-i18next";

const CHOICES = [1, 6, 24, 168];

/** How far back charts go. */
export function Hours({ value, onChange }: { value: number; onChange: (hours: number) => void }) {
  const { t } = useTranslation("fleet");
  return (
    <ToggleButtonGroup
      exclusive
      size="small"
      value={value}
      aria-label={t("span")}
      onChange={(_, next: number | null) => next !== null && onChange(next)}
    >
      {CHOICES.map((hours) => (
        <ToggleButton key={hours} value={hours} sx={{ px: 1 }}>
          {hours >= 48 ? t("days", { count: hours / 24 }) : t("hours", { count: hours })}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
