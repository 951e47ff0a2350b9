import Button from "@mui/material/Button";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Ago, type Column, DataTable, Empty, LinkCell, Page, Panel, Query, StatusChip } from "@/components";
import { figure } from "@/lib/format";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { useStudies } from "./queries";
import { objectivesOf, type Study, valueOf } from "./values";

function useColumns(): Column<Study>[] {
  const { t } = useTranslation("studies");
  return useMemo(
    () => [
      {
        id: "name",
        label: t("name"),
        width: "minmax(150px, 2fr)",
        cell: (study) => <LinkCell to={paths.study(study.study_id)}>{study.name}</LinkCell>,
      },
      {
        id: "state",
        label: t("state"),
        width: "130px",
        cell: (study) => <StatusChip status={study.status} />,
      },
      { id: "done", label: t("done"), width: "130px", cell: (study) => <Done study={study} /> },
      {
        id: "running",
        label: t("running"),
        width: "90px",
        align: "right",
        wide: true,
        cell: (study) => study.counts.running ?? 0,
      },
      {
        id: "failed",
        label: t("failed"),
        width: "80px",
        align: "right",
        wide: true,
        cell: (study) => study.counts.failed ?? 0,
      },
      {
        id: "best",
        label: t("best"),
        width: "110px",
        align: "right",
        cell: (study) =>
          study.best.length === 1 ? figure(valueOf(study.best[0]!)) : study.best.length || "–",
      },
      {
        id: "objective",
        label: t("objective"),
        width: "minmax(140px, 1fr)",
        wide: true,
        cell: (study) =>
          objectivesOf(study)
            .map((one) => t(`aim.${one.direction}`, { metric: one.metric }))
            .join(", "),
      },
      { id: "sampler", label: t("sampler"), width: "90px", wide: true, cell: (study) => study.sampler },
      {
        id: "created",
        label: t("created"),
        width: "140px",
        wide: true,
        cell: (study) => <Ago at={study.created_at} />,
      },
    ],
    [t],
  );
}

function Done({ study }: { study: Study }) {
  const { t } = useTranslation("studies");
  const { completed = 0, pruned = 0, failed = 0, cancelled = 0 } = study.counts;
  return <>{t("doneOf", { done: completed + pruned + failed + cancelled, all: study.trials })}</>;
}

export function Component() {
  const { t } = useTranslation("studies");
  const { may } = useSession();
  const found = useStudies();
  const columns = useColumns();
  const create = may("jobs:write") && (
    <Button component={Link} to={`${paths.newJob}?kind=tune`} variant="contained">
      {t("new")}
    </Button>
  );
  return (
    <Page title={t("nav")} actions={create}>
      <Panel title={t("all")} flush>
        <Query of={found} height={320}>
          {({ pages }) => (
            <DataTable
              label={t("nav")}
              rows={pages.flatMap((page) => page.items)}
              columns={columns}
              idOf={(study) => study.study_id}
              onEnd={() => {
                if (found.hasNextPage && !found.isFetchingNextPage) void found.fetchNextPage();
              }}
              empty={<Empty title={t("none")}>{t("noneHint")}</Empty>}
            />
          )}
        </Query>
      </Panel>
    </Page>
  );
}
