import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import LinearProgress from "@mui/material/LinearProgress";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { type Column, DataTable, Facts, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { duration, number, percent } from "@/lib/format";
import { MonthSwitch, useMonth } from "../MonthSwitch";
import { useSla } from "../queries";

type Objective = Schemas["ObjectiveRead"];

export default function Sla() {
  const [month, setMonth] = useMonth();
  const { t } = useTranslation("admin");
  return (
    <Stack sx={{ gap: 2 }}>
      <MonthSwitch month={month} onChange={setMonth} />
      <Query of={useSla(month)} height={500}>
        {(report) => (
          <>
            {!report.complete && <Alert severity="info">{t("sla.incomplete")}</Alert>}
            <Box
              sx={{
                display: "grid",
                gap: 2,
                gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "repeat(3, minmax(0, 1fr))" },
              }}
            >
              {report.objectives.map((one) => (
                <ObjectivePanel key={one.name} of={one} />
              ))}
            </Box>
            <Jobs of={report.jobs} />
            <Routes of={report.api} />
          </>
        )}
      </Query>
    </Stack>
  );
}

function ObjectivePanel({ of: one }: { of: Objective }) {
  const { t } = useTranslation("admin");
  const state = one.met === null ? "unknown" : one.met ? "met" : "missed";
  const colour = { unknown: "default", met: "success", missed: "error" } as const;
  const left = Math.max(0, Math.min(1, one.budget_left));
  const said =
    one.budget_left < 0
      ? t("sla.overspent", { share: percent(-one.budget_left) })
      : t("sla.left", { share: percent(one.budget_left) });
  return (
    <Panel
      title={t(`sla.names.${one.name}`, { defaultValue: one.name })}
      actions={<Chip size="small" variant="outlined" color={colour[state]} label={t(`sla.is.${state}`)} />}
    >
      <Stack sx={{ gap: 1.5 }}>
        <Typography variant="body2" color="textSecondary">
          {t(`sla.explained.${one.name}`, { defaultValue: "", limit: duration(one.limit_s) })}
        </Typography>
        <Facts
          columns={2}
          of={[
            [t("sla.target"), percent(one.target, 3)],
            [t("sla.reached"), percent(one.reached, 3)],
            [
              t("sla.measured"),
              t("sla.goodOf", {
                good: number(one.good),
                total: number(one.total),
                unit: t(`sla.units.${one.unit}`, { defaultValue: one.unit }),
              }),
            ],
            [
              t("sla.burn"),
              Object.entries(one.burn ?? {})
                .filter(([, rate]) => rate !== null)
                .map(([span, rate]) => `${span}: ${number(rate)}`)
                .join(", "),
            ],
          ]}
        />
        <Box>
          <Typography variant="body2">{said}</Typography>
          <LinearProgress
            variant="determinate"
            value={left * 100}
            color={left === 0 ? "error" : left < 0.25 ? "warning" : "success"}
            aria-label={t("sla.budget")}
            aria-valuetext={said}
            sx={{ height: 8, borderRadius: 1 }}
          />
        </Box>
      </Stack>
    </Panel>
  );
}

function Jobs({ of: jobs }: { of: Schemas["ReportRead"]["jobs"] }) {
  const { t } = useTranslation("admin");
  const times = (of: Schemas["TimesRead"]) =>
    [of.p50_s, of.p95_s, of.p99_s].map((one) => duration(one)).join(" / ");
  return (
    <Panel title={t("sla.jobs")}>
      <Facts
        columns={4}
        of={[
          [t("sla.submitted"), number(jobs.submitted)],
          [t("sla.completed"), number(jobs.completed)],
          [t("sla.failed"), number(jobs.failed)],
          [t("sla.byPlatform"), number(jobs.failed_by_platform)],
          [t("sla.wait"), times(jobs.wait)],
          [t("sla.assignment"), times(jobs.assignment)],
          [t("sla.retries"), number(jobs.retries)],
          [t("sla.lostTime"), duration(jobs.lost_s)],
        ]}
      />
    </Panel>
  );
}

function Routes({ of: api }: { of: Schemas["ApiRead"] }) {
  const { t } = useTranslation("admin");
  const columns: Column<Schemas["RouteRead"]>[] = [
    { id: "route", label: t("sla.route"), width: "minmax(140px, 2fr)", cell: (one) => one.route },
    { id: "count", label: t("sla.requests"), align: "right", cell: (one) => number(one.count) },
    { id: "errors", label: t("sla.errors"), align: "right", wide: true, cell: (one) => number(one.errors) },
    { id: "p50", label: "p50", align: "right", wide: true, cell: (one) => duration(one.p50_s) },
    { id: "p95", label: "p95", align: "right", cell: (one) => duration(one.p95_s) },
    { id: "p99", label: "p99", align: "right", wide: true, cell: (one) => duration(one.p99_s) },
  ];
  return (
    <Panel flush title={t("sla.api")}>
      <Box sx={{ px: 2, pb: 1 }}>
        <Facts
          columns={4}
          of={[
            [t("sla.availability"), percent(api.availability, 3)],
            [t("sla.down"), duration(api.down_s)],
            [t("sla.requests"), number(api.requests)],
            [t("sla.errors"), number(api.errors)],
          ]}
        />
      </Box>
      <Box sx={{ px: 1, pb: 1 }}>
        <DataTable
          label={t("sla.api")}
          rows={api.latency}
          columns={columns}
          idOf={(one) => one.route}
          height={420}
        />
      </Box>
    </Panel>
  );
}
