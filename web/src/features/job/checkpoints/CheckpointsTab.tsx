import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago, type Column, DataTable, Empty, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { bytes, dateTime, number } from "@/lib/format";
import { useSession } from "@/lib/session";
import { ForkDialog } from "../ForkDialog";
import { type Job, useCheckpoints } from "../queries";

type Checkpoint = Schemas["Checkpoint"];

export function CheckpointsTab({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const mayFork = useSession().may("jobs:write", job.workspace);
  const [from, setFrom] = useState<number | null>(null);
  const found = useCheckpoints(job.job_id);
  const columns = (newest: string | undefined): Column<Checkpoint>[] => [
    {
      id: "step",
      label: t("checkpoints.step"),
      cell: (one) => (
        <>
          {number(one.step)} {one.key === newest && <Chip size="small" label={t("checkpoints.newest")} />}
        </>
      ),
      width: "minmax(100px, 1fr)",
    },
    {
      id: "at",
      label: t("checkpoints.at"),
      cell: (one) => (
        <span title={dateTime(one.at)}>
          <Ago at={one.at} />
        </span>
      ),
      width: "minmax(105px, 1fr)",
    },
    {
      id: "size",
      label: t("checkpoints.size"),
      cell: (one) => bytes(one.bytes),
      width: "100px",
      align: "right",
      wide: true,
    },
    {
      id: "attempt",
      label: t("checkpoints.attempt"),
      cell: (one) => (one.attempt === 0 ? t("checkpoints.origin") : one.attempt),
      width: "110px",
      wide: true,
    },
    {
      id: "sha",
      label: "SHA-256",
      cell: (one) => <code title={one.sha256}>{one.sha256.slice(0, 12)}</code>,
      width: "140px",
      wide: true,
    },
    ...(mayFork
      ? [
          {
            id: "fork",
            label: t("checkpoints.what"),
            cell: (one: Checkpoint) => (
              <Button onClick={() => setFrom(one.step)}>{t("checkpoints.fork")}</Button>
            ),
            width: "136px",
          },
        ]
      : []),
  ];
  return (
    <Panel title={t("checkpoints.title")} flush>
      <Query of={found} height={200}>
        {(kept) => (
          <DataTable
            label={t("checkpoints.title")}
            rows={[...kept].reverse()}
            columns={columns(kept.at(-1)?.key)}
            idOf={(one) => one.key}
            height={kept.length > 15 ? 640 : "auto"}
            empty={<Empty title={t("checkpoints.none")}>{t("checkpoints.noneYet")}</Empty>}
          />
        )}
      </Query>
      {from !== null && <ForkDialog job={job} step={from} onClose={() => setFrom(null)} />}
    </Panel>
  );
}
