import Stack from "@mui/material/Stack";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { type Column, DataTable, Empty, LinkCell, Panel, Query, StatusChip, useNow } from "@/components";
import type { Schemas } from "@/lib/api";
import { between, bytes, dateTime, duration, number, percent } from "@/lib/format";
import { paths } from "@/lib/paths";
import { Traceback } from "../FailureNote";
import { ENDED, type Job, useTasks, useWaterfall, useWorkers } from "../queries";
import { list, loose, num, text } from "../shape";

type Task = Schemas["TaskRead"];
type Worker = Schemas["WorkerRead"];
interface Row extends Task {
  worker: Worker | undefined;
  steps: number | null;
  rows: number | null;
}

const idOf = (one: Task) => `${one.attempt}/${one.rank}`;

/** Each rank of each attempt: where it ran, how it went, and what its machine is doing now. */
export function RanksTab({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const running = !ENDED.has(job.status);
  const tasks = useTasks(job.job_id);
  const workers = useWorkers().data;
  const times = useWaterfall(job.job_id, running).data;
  const now = useNow(1000, running);
  const rows = useMemo(() => rowsOf(tasks.data ?? [], workers, times), [tasks.data, workers, times]);
  const columns: Column<Row>[] = [
    { id: "attempt", label: t("ranks.attempt"), cell: (one) => one.attempt, width: "80px", align: "right" },
    { id: "rank", label: t("ranks.rank"), cell: (one) => one.rank, width: "70px", align: "right" },
    {
      id: "status",
      label: t("ranks.status"),
      cell: (one) => <StatusChip status={one.status} />,
      width: "130px",
    },
    {
      id: "worker",
      label: t("ranks.worker"),
      cell: (one) => (
        <LinkCell to={paths.worker(one.worker_id)}>{one.worker?.name ?? one.worker_id}</LinkCell>
      ),
      width: "minmax(140px, 1fr)",
    },
    { id: "started", label: t("ranks.started"), cell: (one) => dateTime(one.started_at), width: "190px" },
    {
      id: "took",
      label: t("ranks.took"),
      cell: (one) => duration(between(one.started_at, one.finished_at, now)),
      width: "110px",
      align: "right",
    },
    {
      id: "steps",
      label: t("ranks.steps"),
      cell: (one) => number(one.steps, 1),
      width: "90px",
      align: "right",
    },
    {
      id: "rows",
      label: t("ranks.rows"),
      cell: (one) => number(one.rows, 0),
      width: "100px",
      align: "right",
    },
    { id: "use", label: t("ranks.use"), cell: (one) => inUse(one), width: "minmax(180px, 1.5fr)" },
    {
      id: "failure",
      label: t("ranks.failure"),
      cell: (one) => <span title={text(one.failure?.message)}>{text(one.failure?.message) || "–"}</span>,
      width: "minmax(160px, 2fr)",
    },
  ];
  const failures = rows.filter((one) => text(one.failure?.traceback));
  return (
    <Stack sx={{ gap: 2 }}>
      <Panel title={t("ranks.title")} flush>
        <Query of={tasks} height={200}>
          {() => (
            <DataTable
              label={t("ranks.title")}
              rows={rows}
              columns={columns}
              idOf={idOf}
              height={rows.length > 15 ? 640 : "auto"}
              empty={<Empty title={t("ranks.none")}>{t("ranks.noneYet")}</Empty>}
            />
          )}
        </Query>
      </Panel>
      {failures.slice(0, 20).map((one) => (
        <Panel key={idOf(one)} title={t("ranks.failureOf", { rank: one.rank, attempt: one.attempt })}>
          {text(one.failure?.message)}
          <Traceback text={text(one.failure?.traceback)} />
        </Panel>
      ))}
    </Stack>
  );
}

function rowsOf(tasks: readonly Task[], workers: Worker[] | undefined, times?: Schemas["Waterfall"]): Row[] {
  const known = new Map(workers?.map((one) => [one.worker_id, one]));
  return tasks
    .map((task) => {
      const ranks = times?.attempts.find((one) => one.attempt === task.attempt)?.ranks;
      const own = ranks?.find((one) => one.rank === task.rank);
      return {
        ...task,
        worker: known.get(task.worker_id),
        steps: own?.steps_per_second ?? null,
        rows: own?.rows_per_second ?? null,
      };
    })
    .sort((a, b) => b.attempt - a.attempt || a.rank - b.rank);
}

/** Of a rank that runs: what its machine said at its last heartbeat. */
function inUse({ worker, finished_at: finished }: Row): string {
  if (!worker || finished) return "–";
  const stats = loose(worker.stats);
  const gpus = list(stats.gpus).map((one) => num(loose(one).utilisation_percent));
  const parts = [
    `CPU ${percent((num(stats.cpu_percent) ?? NaN) / 100)}`,
    `RAM ${bytes(num(stats.memory_used_bytes))}`,
    ...gpus.filter((one) => one !== null).map((one, at) => `GPU ${at} ${percent(one / 100)}`),
  ];
  return parts.join(", ");
}
