import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import { figure } from "@/lib/format";
import { Bars } from "../Bars";
import { isLoose, list, type Loose, num, text } from "../shape";

const MOST = 30;

export function Importance({ found }: { found: Loose }) {
  const { t } = useTranslation("job");
  const columns = list(found.columns)
    .filter(isLoose)
    .map((one) => ({ name: text(one.column), value: num(one.importance) ?? 0 }))
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  if (columns.length === 0) return null;
  return (
    <Panel title={t("results.importance")}>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
        {t("results.importanceBy", { by: text(found.by) })}
        {columns.length > MOST && ` ${t("results.first", { shown: MOST, all: columns.length })}`}
      </Typography>
      <Bars
        label={t("results.importance")}
        of={columns.slice(0, MOST).map((one) => ({ ...one, text: figure(one.value) }))}
      />
    </Panel>
  );
}
