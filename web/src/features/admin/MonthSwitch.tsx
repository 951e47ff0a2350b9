import { mdiChevronLeft, mdiChevronRight } from "@mdi/js";
import IconButton from "@mui/material/IconButton";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { Icon } from "@/components";
import { language } from "@/lib/i18n/language";
import { chosenMonth, monthOf, moved } from "./months";

export function useMonth(): [string, (month: string) => void] {
  const [search, setSearch] = useSearchParams();
  const choose = (month: string) => {
    const next = new URLSearchParams(search);
    next.set("month", month);
    setSearch(next, { replace: true });
  };
  return [chosenMonth(search.get("month"), new Date()), choose];
}

export function MonthSwitch({ month, onChange }: { month: string; onChange: (month: string) => void }) {
  const { t } = useTranslation("admin");
  const name = new Intl.DateTimeFormat(language(), { month: "long", year: "numeric", timeZone: "UTC" });
  return (
    <Stack direction="row" sx={{ alignItems: "center", gap: 0.5 }} role="group" aria-label={t("month.label")}>
      <IconButton aria-label={t("month.before")} onClick={() => onChange(moved(month, -1))}>
        <Icon path={mdiChevronLeft} />
      </IconButton>
      <Typography component="span" aria-live="polite" sx={{ minWidth: 130, textAlign: "center" }}>
        {name.format(new Date(`${month}-01T00:00:00Z`))}
      </Typography>
      <IconButton
        aria-label={t("month.after")}
        disabled={month >= monthOf(new Date())}
        onClick={() => onChange(moved(month, 1))}
      >
        <Icon path={mdiChevronRight} />
      </IconButton>
    </Stack>
  );
}
