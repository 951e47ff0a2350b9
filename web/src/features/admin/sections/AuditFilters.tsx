import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import { type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { type AuditFilter, withFilter } from "../auditFilter";

const FIELDS: [name: keyof AuditFilter, type: string][] = [
  ["actor", "text"],
  ["action", "text"],
  ["target", "text"],
  ["from", "datetime-local"],
  ["to", "datetime-local"],
];

/** In the address, so that what one has found can be sent to somebody. */
export function AuditFilters() {
  const { t } = useTranslation("admin");
  const [search, setSearch] = useSearchParams();
  const apply = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    let next = search;
    for (const [name] of FIELDS) {
      const given = form.get(name);
      next = withFilter(next, name, typeof given === "string" ? given.trim() : "");
    }
    setSearch(next);
  };
  return (
    // With a key of what the address says: going back fills in what was asked then.
    <Stack
      key={search.toString()}
      component="form"
      role="search"
      aria-label={t("audit.filter")}
      onSubmit={apply}
      direction="row"
      useFlexGap
      sx={{ px: 2, pb: 2, gap: 1, flexWrap: "wrap", alignItems: "center" }}
    >
      {FIELDS.map(([name, type]) => (
        <TextField
          key={name}
          name={name}
          type={type}
          label={t(`audit.by.${name}`)}
          defaultValue={search.get(name) ?? ""}
          sx={{ width: type === "text" ? 170 : 215 }}
          slotProps={type === "text" ? {} : { inputLabel: { shrink: true } }}
        />
      ))}
      <Button type="submit" variant="contained">
        {t("audit.apply")}
      </Button>
      {search.size > 0 && <Button onClick={() => setSearch({})}>{t("audit.clear")}</Button>}
    </Stack>
  );
}
