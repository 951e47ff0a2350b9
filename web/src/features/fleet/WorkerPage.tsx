import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import {
  Ago,
  CopyButton,
  type Column,
  DataTable,
  Empty,
  Facts,
  LinkCell,
  Page,
  Panel,
  Query,
  StatusChip,
} from "@/components";
import { bytes, dateTime } from "@/lib/format";
import { paths } from "@/lib/paths";
import { Bars } from "./Bars";
import { HealthPanel } from "./HealthPanel";
import { useJobNames, useWorker } from "./queries";
import { healthOf, loadOf, type Task, type Worker } from "./worker";
import { WorkerActions } from "./WorkerActions";
import { WorkerEvents } from "./WorkerEvents";

const UsagePanel = lazy(() => import("./UsagePanel"));

export function Component() {
  const { workerId = "" } = useParams();
  const { t } = useTranslation("fleet");
  const found = useWorker(workerId);
  const worker = found.data;
  return (
    <Page
      title={worker?.name ?? t("worker")}
      above={<LinkCell to={paths.workers}>{t("nav")}</LinkCell>}
      beside={worker && <StatusChip status={worker.state} />}
      actions={worker && <WorkerActions worker={worker} />}
    >
      <Query of={found} height={600}>
        {(known) => <Content key={known.worker_id} worker={known} />}
      </Query>
    </Page>
  );
}

function Content({ worker }: { worker: Worker }) {
  const { t } = useTranslation("fleet");
  const held = healthOf(worker)?.quarantine;
  return (
    <Stack spacing={2}>
      {held && (
        <Alert severity="warning">
          {t("held", { by: t(`by.${held.by}`, { defaultValue: held.by }), since: dateTime(held.since) })}{" "}
          {held.reason}
        </Alert>
      )}
      {worker.state === "lost" && (
        <Alert severity="error">{t("lostHint", { at: dateTime(worker.seen_at) })}</Alert>
      )}
      <Box
        sx={{
          display: "grid",
          gap: 2,
          gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "repeat(2, minmax(0, 1fr))" },
        }}
      >
        <Panel title={t("machine")}>
          <Machine worker={worker} />
        </Panel>
        <Panel title={t("now")}>
          <Bars load={loadOf(worker)} />
        </Panel>
      </Box>
      <Tasks worker={worker} />
      <Suspense fallback={<Box sx={{ height: 320 }} />}>
        <UsagePanel id={worker.worker_id} />
      </Suspense>
      <Box
        sx={{
          display: "grid",
          gap: 2,
          gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "repeat(2, minmax(0, 1fr))" },
        }}
      >
        <HealthPanel worker={worker} />
        <WorkerEvents id={worker.worker_id} />
      </Box>
    </Stack>
  );
}

function Machine({ worker }: { worker: Worker }) {
  const { t } = useTranslation("fleet");
  const { cpus, memory_bytes: memory } = worker.resources;
  const gpus = loadOf(worker)
    .gpus.map((gpu) => gpu.name)
    .join(", ");
  return (
    <Facts
      columns={3}
      of={[
        [
          t("id"),
          <span key="id">
            {worker.worker_id} <CopyButton text={worker.worker_id} what={t("id")} />
          </span>,
        ],
        [t("machineName"), healthOf(worker)?.machine],
        [t("slots"), `${worker.busy} / ${worker.slots}`],
        [t("cpus"), typeof cpus === "number" ? cpus : null],
        [t("memory"), typeof memory === "number" ? bytes(memory) : null],
        [t("gpus"), gpus || t("noGpu")],
        [t("joined"), <Ago key="joined" at={worker.joined_at} />],
        [t("seen"), <Ago key="seen" at={worker.seen_at} />],
      ]}
    />
  );
}

function Tasks({ worker }: { worker: Worker }) {
  const { t } = useTranslation("fleet");
  const names = useJobNames();
  const columns: Column<Task>[] = [
    {
      id: "job",
      label: t("job"),
      width: "minmax(160px, 2fr)",
      cell: (task) => (
        <LinkCell to={paths.job(task.job_id)}>{names.get(task.job_id) ?? task.job_id}</LinkCell>
      ),
    },
    { id: "rank", label: t("rank"), width: "80px", align: "right", cell: (task) => task.rank },
    { id: "attempt", label: t("attempt"), width: "90px", align: "right", cell: (task) => task.attempt },
    { id: "state", label: t("state"), width: "140px", cell: (task) => <StatusChip status={task.status} /> },
  ];
  return (
    <Panel title={t("tasks")} flush>
      <DataTable
        label={t("tasks")}
        rows={worker.tasks}
        columns={columns}
        idOf={(task) => `${task.job_id} ${task.rank} ${task.attempt}`}
        height={320}
        empty={<Empty title={t("noTasks")}>{t("noTasksHint")}</Empty>}
      />
    </Panel>
  );
}
