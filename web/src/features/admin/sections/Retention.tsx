import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Ago, type Column, ConfirmButton, DataTable, Empty, LinkCell, Panel, Query } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { bytes } from "@/lib/format";
import { paths } from "@/lib/paths";
import { useDo, useRetentionPlan } from "../queries";

type Removed = Schemas["RemovedRead"];
type Kept = Schemas["KeptRead"];

export default function Retention() {
  const { t } = useTranslation("admin");
  const act = useDo();
  const plan = useRetentionPlan();
  const found = plan.data;
  const sweep = () => act(got(client.POST("/api/v1/retention/sweep")), [["retention"], ["jobs"]]);
  return (
    <Stack sx={{ gap: 2 }}>
      <Panel
        flush
        title={t("retention.remove")}
        actions={
          found &&
          found.remove.length > 0 && (
            <ConfirmButton
              color="error"
              variant="outlined"
              question={t("retention.sweepAsk", { count: found.remove.length, bytes: bytes(found.bytes) })}
              explanation={t("retention.sweepWhat")}
              onConfirm={sweep}
            >
              {t("retention.sweep")}
            </ConfirmButton>
          )
        }
      >
        <Typography variant="body2" color="textSecondary" sx={{ px: 2, pb: 1 }}>
          {t("retention.about")}
        </Typography>
        <Query of={plan} height={200}>
          {(now) => <Jobs rows={now.remove} label={t("retention.remove")} empty={t("retention.none")} />}
        </Query>
        {found?.more && <Alert severity="info">{t("retention.more")}</Alert>}
      </Panel>
      <Panel flush title={t("retention.keep")}>
        <Query of={plan} height={200}>
          {(now) => <Jobs rows={now.keep} label={t("retention.keep")} empty={t("retention.noneKept")} />}
        </Query>
      </Panel>
    </Stack>
  );
}

function Jobs({ rows, label, empty }: { rows: readonly (Removed | Kept)[]; label: string; empty: string }) {
  const { t } = useTranslation("admin");
  const columns: Column<Removed | Kept>[] = [
    {
      id: "name",
      label: t("retention.job"),
      width: "minmax(140px, 1fr)",
      cell: (one) => <LinkCell to={paths.job(one.job_id)}>{one.name}</LinkCell>,
    },
    { id: "workspace", label: t("workspace"), wide: true, cell: (one) => one.workspace },
    {
      id: "finished",
      label: t("retention.finished"),
      width: "140px",
      cell: (one) => <Ago at={one.finished_at} />,
    },
    {
      id: "why",
      label: t("retention.why"),
      width: "minmax(150px, 2fr)",
      cell: (one) =>
        "why" in one ? (
          <span title={one.why}>{one.why}</span>
        ) : (
          t("retention.bytes", { bytes: bytes(one.bytes) })
        ),
    },
  ];
  return (
    <Box sx={{ px: 1, pb: 1 }}>
      <DataTable
        label={label}
        rows={rows}
        columns={columns}
        idOf={(one) => one.job_id}
        height={420}
        empty={<Empty title={empty} />}
      />
    </Box>
  );
}
