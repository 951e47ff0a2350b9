import { useTranslation } from "react-i18next";
import { type Column, DataTable, Empty, Panel, Query } from "@/components";
import { duration, figure, percent } from "@/lib/format";
import { ENDED, type Job, useLeaderboard } from "../queries";
import { type Loose, num, shown, text } from "../shape";

/** What `algorithm: auto` has tried, the best first. */
export function Leaderboard({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const found = useLeaderboard(job.job_id, !ENDED.has(job.status));
  const columns: Column<Loose>[] = [
    {
      id: "number",
      label: t("leaderboard.number"),
      cell: (one) => shown(one.number),
      width: "80px",
      align: "right",
    },
    {
      id: "family",
      label: t("leaderboard.family"),
      cell: (one) => text(one.family),
      width: "minmax(130px, 1fr)",
    },
    {
      id: "score",
      label: t("leaderboard.score", { metric: text(found.data?.[0]?.metric) }),
      cell: (one) => figure(num(one.score)),
      width: "minmax(110px, 1fr)",
      align: "right",
    },
    {
      id: "std",
      label: t("leaderboard.std"),
      cell: (one) => figure(num(one.std)),
      width: "110px",
      align: "right",
      wide: true,
    },
    {
      id: "seconds",
      label: t("leaderboard.took"),
      cell: (one) => duration(num(one.seconds)),
      width: "100px",
      align: "right",
      wide: true,
    },
    {
      id: "weight",
      label: t("leaderboard.weight"),
      cell: (one) => percent(num(one.weight)),
      width: "90px",
      align: "right",
      wide: true,
    },
    {
      id: "what",
      label: t("leaderboard.hyperparameters"),
      cell: (one) => (
        <span title={shown(one.hyperparameters)}>{text(one.reason) || shown(one.hyperparameters)}</span>
      ),
      width: "minmax(160px, 3fr)",
    },
  ];
  return (
    <Panel title={t("leaderboard.title")} flush>
      <Query of={found} height={200}>
        {(rows) => (
          <DataTable
            label={t("leaderboard.title")}
            rows={rows}
            columns={columns}
            idOf={(one) => shown(one.number)}
            height={440}
            empty={<Empty title={t("leaderboard.none")} />}
          />
        )}
      </Query>
    </Panel>
  );
}
