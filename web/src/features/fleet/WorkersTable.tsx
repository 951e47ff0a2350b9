import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago, type Column, DataTable, LinkCell, type Sorting, StatusChip } from "@/components";
import { bytes, percent } from "@/lib/format";
import { paths } from "@/lib/paths";
import { evidenceOf, loadOf, type Worker } from "./worker";

type Key = string | number | null;

const KEYS: Record<string, (worker: Worker) => Key> = {
  name: (worker) => worker.name,
  state: (worker) => worker.state,
  busy: (worker) => worker.busy,
  cpu: (worker) => loadOf(worker).cpu,
  memory: (worker) => loadOf(worker).memory,
  disk: (worker) => loadOf(worker).diskFree,
  seen: (worker) => worker.seen_at,
};

function sorted(workers: Worker[], { by, descending }: Sorting): Worker[] {
  const key = KEYS[by] ?? KEYS.name!;
  const order = descending ? -1 : 1;
  return [...workers].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    if (typeof a === "number" && typeof b === "number") return order * (a - b);
    return order * String(a).localeCompare(String(b));
  });
}

export function WorkersTable({ workers }: { workers: Worker[] }) {
  const { t } = useTranslation("fleet");
  const [sorting, setSorting] = useState<Sorting>({ by: "name", descending: false });
  const columns = useColumns();
  const rows = useMemo(() => sorted(workers, sorting), [workers, sorting]);
  return (
    <DataTable
      label={t("fleet")}
      rows={rows}
      columns={columns}
      idOf={(worker) => worker.worker_id}
      height={520}
      sorting={sorting}
      onSort={setSorting}
    />
  );
}

function useColumns(): Column<Worker>[] {
  const { t } = useTranslation("fleet");
  return useMemo(() => {
    const share = (value: number | null) => percent(value === null ? null : value / 100);
    return [
      {
        id: "name",
        label: t("name"),
        width: "minmax(140px, 2fr)",
        sortable: true,
        cell: (worker) => <LinkCell to={paths.worker(worker.worker_id)}>{worker.name}</LinkCell>,
      },
      {
        id: "state",
        label: t("state"),
        width: "140px",
        sortable: true,
        cell: (worker) => <StatusChip status={worker.state} />,
      },
      {
        id: "busy",
        label: t("slots"),
        width: "90px",
        align: "right",
        sortable: true,
        cell: (worker) => `${worker.busy} / ${worker.slots}`,
      },
      {
        id: "cpu",
        label: t("cpu"),
        width: "80px",
        align: "right",
        sortable: true,
        cell: (worker) => share(loadOf(worker).cpu),
      },
      {
        id: "memory",
        label: t("memory"),
        width: "100px",
        align: "right",
        sortable: true,
        cell: (worker) => share(loadOf(worker).memory),
      },
      {
        id: "gpu",
        label: t("gpu"),
        width: "120px",
        align: "right",
        wide: true,
        cell: (worker) =>
          loadOf(worker)
            .gpus.map((gpu) => share(gpu.utilisation))
            .join(", ") || "–",
      },
      {
        id: "disk",
        label: t("diskFree"),
        width: "120px",
        align: "right",
        sortable: true,
        wide: true,
        cell: (worker) => bytes(loadOf(worker).diskFree),
      },
      {
        id: "seen",
        label: t("seen"),
        width: "140px",
        sortable: true,
        wide: true,
        cell: (worker) => <Ago at={worker.seen_at} />,
      },
      {
        id: "evidence",
        label: t("evidence"),
        width: "minmax(160px, 3fr)",
        wide: true,
        cell: (worker) => {
          const text = evidenceOf(worker).join("; ");
          return <span title={text}>{text}</span>;
        },
      },
    ];
  }, [t]);
}
