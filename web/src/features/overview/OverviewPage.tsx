import { mdiPlus } from "@mdi/js";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Icon, Page } from "@/components";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { CostPanel } from "./CostPanel";
import { HealthPanel } from "./HealthPanel";
import { JobsPanel } from "./JobsPanel";
import { NowPanel } from "./NowPanel";
import { useCounts } from "./queries";
import { StartPanel } from "./StartPanel";
import { UsagePanel } from "./UsagePanel";

export function Component() {
  const { t } = useTranslation("overview");
  const { may } = useSession();
  const counts = useCounts();
  const write = may("jobs:write");
  return (
    <Page
      title={t("nav")}
      actions={
        write && (
          <Button component={Link} to={paths.newJob} variant="contained" startIcon={<Icon path={mdiPlus} />}>
            {t("new")}
          </Button>
        )
      }
    >
      <Box
        sx={{
          display: "grid",
          gap: 2,
          gridTemplateColumns: "repeat(auto-fit, minmax(min(100%, 340px), 1fr))",
          "& > .whole": { gridColumn: "1 / -1" },
        }}
      >
        <Box className="whole">
          <NowPanel />
        </Box>
        {counts.data?.total === 0 && write && (
          <Box className="whole">
            <StartPanel />
          </Box>
        )}
        <JobsPanel status="running" />
        <JobsPanel status="queued" />
        <JobsPanel status="failed" />
        {may("fleet:read") && <UsagePanel />}
        {may("ledger:read") && <CostPanel />}
        <HealthPanel />
      </Box>
    </Page>
  );
}
