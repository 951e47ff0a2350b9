import Box from "@mui/material/Box";
import LinearProgress from "@mui/material/LinearProgress";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { money, percent } from "@/lib/format";
import { useBudgets } from "../queries";

export function Budgets() {
  const { t } = useTranslation("admin");
  return (
    <Panel title={t("budgets.title")}>
      <Query of={useBudgets()}>
        {(found) =>
          found.length === 0 ? (
            <Empty title={t("budgets.none")}>{t("budgets.noneHint")}</Empty>
          ) : (
            <Stack sx={{ gap: 2 }}>
              {found.map((one) => (
                <Budget key={one.workspace} of={one} />
              ))}
            </Stack>
          )
        }
      </Query>
    </Panel>
  );
}

function Budget({ of: budget }: { of: Schemas["BudgetRead"] }) {
  const { t } = useTranslation("admin");
  const said = t("budgets.spent", {
    spent: money(budget.spent, budget.currency),
    monthly: money(budget.monthly, budget.currency),
    share: percent(budget.share),
  });
  return (
    <Box>
      <Stack direction="row" useFlexGap sx={{ justifyContent: "space-between", gap: 1, flexWrap: "wrap" }}>
        <Typography variant="body2" sx={{ fontWeight: 600 }}>
          {budget.workspace}
        </Typography>
        <Typography variant="body2" color="textSecondary">
          {said}
        </Typography>
      </Stack>
      <LinearProgress
        variant="determinate"
        value={Math.min(budget.share, 1) * 100}
        color={budget.over ? "error" : budget.share >= budget.warn_at ? "warning" : "primary"}
        aria-label={budget.workspace}
        aria-valuetext={said}
        sx={{ height: 8, borderRadius: 1 }}
      />
      {budget.over && (
        <Typography variant="body2" color="error">
          {t(budget.stop ? "budgets.stopped" : "budgets.over")}
        </Typography>
      )}
    </Box>
  );
}
