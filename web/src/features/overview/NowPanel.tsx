import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote, LinkCell, Panel, useNow } from "@/components";
import { between, duration, number } from "@/lib/format";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { slotsOf } from "./figures";
import { useCounts, useSome, useWorkers } from "./queries";

/** The fleet and the queue in four figures. */
export function NowPanel() {
  const { t } = useTranslation("overview");
  const { may } = useSession();
  const workers = useWorkers();
  const counts = useCounts();
  const oldest = useSome("queued").data?.items[0];
  const now = useNow(5_000, oldest !== undefined);
  const slots = workers.data && slotsOf(workers.data);
  const jobs = counts.data?.counts;
  const failed = [workers, counts].find((one) => one.isError && !one.data);
  if (failed) return <ErrorNote error={failed.error} onRetry={() => void failed.refetch()} />;
  const wait = oldest ? duration(between(oldest.created_at, null, now)) : "–";
  return (
    <Panel title={t("now.title")}>
      <Box
        component="dl"
        sx={{ m: 0, display: "grid", gap: 2, gridTemplateColumns: "repeat(auto-fit, minmax(130px, 1fr))" }}
      >
        {may("fleet:read") && (
          <>
            <Figure name={t("now.workers")} to={paths.workers} beside={t("now.of", { all: slots?.workers })}>
              {slots && number(slots.online)}
            </Figure>
            <Figure name={t("now.slots")} to={paths.workers} beside={t("now.of", { all: slots?.slots })}>
              {slots && number(slots.busy)}
            </Figure>
          </>
        )}
        <Figure name={t("now.running")} to={`${paths.jobs}?status=running`}>
          {jobs && number(jobs.running)}
        </Figure>
        <Figure name={t("now.queued")} to={`${paths.jobs}?status=queued`}>
          {jobs && number(jobs.queued)}
        </Figure>
        <Figure name={t("now.wait")}>{jobs && wait}</Figure>
      </Box>
    </Panel>
  );
}

function Figure(props: { name: string; to?: string; beside?: string; children: ReactNode }) {
  const { name, to, beside, children } = props;
  return (
    <Box sx={{ display: "flex", flexDirection: "column-reverse", justifyContent: "flex-end", minHeight: 56 }}>
      <Typography component="dt" variant="body2" color="textSecondary">
        {to ? (
          <LinkCell to={to} sx={{ color: "inherit" }}>
            {name}
          </LinkCell>
        ) : (
          name
        )}
      </Typography>
      <Typography
        component="dd"
        sx={{ m: 0, fontSize: "1.5rem", fontWeight: 650, lineHeight: "36px", whiteSpace: "nowrap" }}
      >
        {children ?? <Skeleton width={60} aria-busy="true" />}
        {children !== undefined && beside && (
          <Typography component="span" color="textSecondary">
            {" "}
            {beside}
          </Typography>
        )}
      </Typography>
    </Box>
  );
}
