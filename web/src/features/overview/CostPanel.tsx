import Box from "@mui/material/Box";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Facts, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { duration, money, number, percent } from "@/lib/format";
import { wasteOf } from "./figures";
import { useLedger } from "./queries";

const JOULES_PER_KWH = 3.6e6;
const HEIGHT = 250;
type By = "workspace" | "worker_type";
type Ledger = Schemas["LedgerRead"];

/** What this month has cost so far, in money, energy and time that came to nothing. */
export function CostPanel() {
  const { t } = useTranslation("overview");
  const [by, setBy] = useState<By>("workspace");
  return (
    <Panel
      title={t("cost.title")}
      actions={
        <ToggleButtonGroup
          exclusive
          size="small"
          value={by}
          aria-label={t("cost.by")}
          onChange={(_, next: By | null) => next && setBy(next)}
        >
          <ToggleButton value="workspace">{t("cost.workspace")}</ToggleButton>
          <ToggleButton value="worker_type">{t("cost.worker_type")}</ToggleButton>
        </ToggleButtonGroup>
      }
    >
      <Box sx={{ minHeight: HEIGHT }}>
        <Query of={useLedger(by)} height={HEIGHT}>
          {(ledger) =>
            ledger.total.leases === 0 ? <Empty title={t("cost.none")} /> : <Amounts ledger={ledger} by={by} />
          }
        </Query>
      </Box>
    </Panel>
  );
}

function Amounts({ ledger, by }: { ledger: Ledger; by: By }) {
  const { t } = useTranslation("overview");
  const { total, currency } = ledger;
  const energy = (joules: number | null, how: string | null) =>
    joules === null
      ? null
      : `${how === "measured" ? "" : "~"}${number(joules / JOULES_PER_KWH, joules < 36_000 ? 5 : 2)} kWh`;
  return (
    <>
      <Facts
        columns={3}
        of={[
          [t("cost.money"), money(total.cost.total, currency)],
          [t("cost.energy"), energy(total.energy_j, total.energy_how)],
          [t("cost.carbon"), total.carbon_g ? `${number(total.carbon_g / 1000)} kg` : null],
          [t("cost.held"), duration(total.cpu_s.total)],
          [t("cost.waste"), percent(wasteOf(total.held_s), 1)],
          [t("cost.lost"), duration((total.held_s.lost ?? 0) + (total.held_s.hung ?? 0))],
        ]}
      />
      {ledger.hint && (
        <Typography variant="body2" color="textSecondary" sx={{ mt: 1 }}>
          {t("cost.noPrices")}
        </Typography>
      )}
      {/* A region that scrolls has to be reached by keyboard. */}
      <Box role="region" aria-label={t(`cost.${by}`)} tabIndex={0} sx={{ mt: 1.5, overflowX: "auto" }}>
        <Box component="table" sx={TABLE}>
          <thead>
            <tr>
              <th scope="col">{t(`cost.${by}`)}</th>
              <th scope="col">{t("cost.money")}</th>
              <th scope="col">{t("cost.energy")}</th>
              <th scope="col">{t("cost.waste")}</th>
            </tr>
          </thead>
          <tbody>
            {ledger.items.map((one) => (
              <tr key={one.key}>
                <th scope="row">{one.name ?? one.key}</th>
                <td>{money(one.cost.total, currency)}</td>
                <td>{energy(one.energy_j, one.energy_how) ?? "–"}</td>
                <td>{percent(wasteOf(one.held_s), 1)}</td>
              </tr>
            ))}
          </tbody>
        </Box>
      </Box>
    </>
  );
}

const TABLE = {
  width: "100%",
  borderCollapse: "collapse",
  fontSize: "0.875rem",
  "& th, & td": {
    py: 0.5,
    pr: 1,
    textAlign: "left",
    whiteSpace: "nowrap",
    fontWeight: 400,
    borderTop: 1,
    borderColor: "divider",
  },
  "& td, & thead th:not(:first-of-type)": { textAlign: "right" },
  "& thead th": { fontWeight: 600, borderTop: 0 },
} as const;
