import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import MenuItem from "@mui/material/MenuItem";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { type Column, DataTable, Empty, Facts, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { duration, money, number, percent } from "@/lib/format";
import { MonthSwitch, useMonth } from "../MonthSwitch";
import { spanOf } from "../months";
import { useLedger } from "../queries";
import { PARTS, sharesOf } from "../waste";
import { Budgets } from "./Budgets";
import { WasteBar, WasteLegend } from "./WasteBar";

type Group = Schemas["GroupRead"];
type By = Schemas["By"];
const BY: By[] = ["job", "workspace", "algorithm", "worker_type", "day"];

export default function Ledger() {
  const { t } = useTranslation("admin");
  const [month, setMonth] = useMonth();
  const [search, setSearch] = useSearchParams();
  const by = BY.find((one) => one === search.get("by")) ?? "workspace";
  const chooseBy = (chosen: string) => {
    const next = new URLSearchParams(search);
    next.set("by", chosen);
    setSearch(next, { replace: true });
  };
  const { from, to } = spanOf(month);
  return (
    <Stack sx={{ gap: 2 }}>
      <Stack direction="row" useFlexGap sx={{ gap: 2, flexWrap: "wrap", alignItems: "center" }}>
        <MonthSwitch month={month} onChange={setMonth} />
        <TextField
          select
          label={t("ledger.by")}
          value={by}
          sx={{ minWidth: 160 }}
          onChange={(event) => chooseBy(event.target.value)}
        >
          {BY.map((one) => (
            <MenuItem key={one} value={one}>
              {t(`ledger.groups.${one}`)}
            </MenuItem>
          ))}
        </TextField>
      </Stack>
      <Query of={useLedger(from, to, by)} height={400}>
        {(found) => (
          <>
            <Sum of={found} />
            <Groups of={found} by={by} />
          </>
        )}
      </Query>
      <Budgets />
    </Stack>
  );
}

function Sum({ of: found }: { of: Schemas["LedgerRead"] }) {
  const { t } = useTranslation("admin");
  const { total } = found;
  return (
    <Panel title={t("ledger.sum")}>
      <Stack sx={{ gap: 2 }}>
        {found.hint && <Alert severity="info">{found.hint}</Alert>}
        <Facts
          columns={4}
          of={[
            [t("ledger.cost"), money(total.cost.total, found.currency)],
            [t("ledger.cpu"), duration(total.cpu_s.total)],
            [t("ledger.gpu"), duration(total.gpu_s.total)],
            [t("ledger.energy"), energy(total)],
            [t("ledger.carbon"), total.carbon_g === null ? null : `${number(total.carbon_g)} g`],
            [t("ledger.leases"), number(total.leases)],
          ]}
        />
        <WasteBar of={total.cpu_s} label={t("ledger.waste")} />
        <WasteLegend of={sharesOf(total.cpu_s)} />
      </Stack>
    </Panel>
  );
}

function energy(of: { energy_j: number | null; energy_how: string | null }): string {
  if (of.energy_j === null) return "–";
  return `${of.energy_how === "measured" ? "" : "~"}${number(of.energy_j / 3600, 4)} Wh`;
}

function Groups({ of: found, by }: { of: Schemas["LedgerRead"]; by: By }) {
  const { t } = useTranslation("admin");
  const columns: Column<Group>[] = [
    {
      id: "key",
      label: t(`ledger.groups.${by}`),
      width: "minmax(140px, 1.5fr)",
      cell: (one) => one.name ?? (one.key || "–"),
    },
    {
      id: "cost",
      label: t("ledger.cost"),
      align: "right",
      width: "110px",
      cell: (one) => money(one.cost.total, found.currency),
    },
    {
      id: "cpu",
      label: t("ledger.cpu"),
      align: "right",
      width: "110px",
      cell: (one) => duration(one.cpu_s.total),
    },
    {
      id: "waste",
      label: t("ledger.waste"),
      width: "minmax(140px, 2fr)",
      cell: (one) => <WasteBar of={one.cpu_s} label={t("ledger.waste")} />,
    },
    ...PARTS.slice(0, 4).map((part): Column<Group> => ({
      id: part,
      label: t(`ledger.parts.${part}`),
      align: "right",
      wide: true,
      width: "90px",
      cell: (one) => percent(sharesOf(one.cpu_s)[part]),
    })),
    { id: "energy", label: t("ledger.energy"), align: "right", wide: true, cell: energy },
  ];
  return (
    <Panel flush title={t("ledger.title", { by: t(`ledger.groups.${by}`) })}>
      <Box sx={{ px: 1, pb: 1 }}>
        <DataTable
          label={t("sections.ledger")}
          rows={found.items}
          columns={columns}
          idOf={(one) => one.key}
          height={500}
          empty={<Empty title={t("ledger.none")}>{t("ledger.noneHint")}</Empty>}
        />
        {found.others && (
          <Typography variant="body2" color="textSecondary" sx={{ p: 1 }}>
            {t("ledger.others", { cost: money(found.others.cost.total, found.currency) })}
          </Typography>
        )}
      </Box>
    </Panel>
  );
}
