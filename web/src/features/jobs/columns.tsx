import Box from "@mui/material/Box";
import LinearProgress from "@mui/material/LinearProgress";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Ago, type Column, LinkCell, StatusChip, useNow } from "@/components";
import { duration, figure, percent } from "@/lib/format";
import { paths } from "@/lib/paths";
import { ranFor, type Row } from "./row";

export function useColumns(withWorkspace: boolean): Column<Row>[] {
  const { t } = useTranslation("jobs");
  return useMemo(() => {
    const label = (id: string) => t(`column.${id}`);
    const column = (
      id: string,
      width: string,
      cell: Column<Row>["cell"],
      more: Partial<Column<Row>> = {},
    ) => ({
      id,
      label: label(id),
      width,
      cell,
      wide: true,
      ...more,
    });
    return [
      column(
        "name",
        "minmax(120px, 1.6fr)",
        (row) => (
          <LinkCell to={paths.job(row.id)} title={row.name}>
            {row.name}
          </LinkCell>
        ),
        { sortable: true, wide: false },
      ),
      column("status", "148px", (row) => <Status row={row} />, { sortable: true, wide: false }),
      column("kind", "72px", (row) => t(`kind.${row.kind}`, { defaultValue: row.kind })),
      column("algorithm", "minmax(116px, 1fr)", (row) => <Text of={row.algorithm} />),
      column("dataset", "minmax(92px, 0.8fr)", (row) => <Text of={row.dataset} />),
      column("metric", "minmax(138px, 1fr)", (row) => <Metric row={row} />),
      column("created", "minmax(126px, 0.8fr)", (row) => <Ago at={row.created} />, { sortable: true }),
      column("duration", "98px", (row) => <Duration row={row} />, { align: "right" }),
      column("reason", "minmax(150px, 1.8fr)", (row) => <Text of={row.reason} />),
      column("workers", "84px", (row) => row.workers, { align: "right" }),
      column("priority", "84px", (row) => t(`priority.${row.priority}`, { defaultValue: row.priority }), {
        sortable: true,
      }),
      ...(withWorkspace
        ? [column("workspace", "minmax(104px, 0.6fr)", (row) => <Text of={row.workspace} />)]
        : []),
    ];
  }, [t, withWorkspace]);
}

function Text({ of }: { of: string | null }) {
  return of === null ? <>–</> : <span title={of}>{of}</span>;
}

function Status({ row }: { row: Row }) {
  const { t } = useTranslation("jobs");
  const share = Math.round(row.progress * 100);
  return (
    <Box title={row.status === "running" ? percent(row.progress) : undefined}>
      <StatusChip status={row.status} />
      {row.status === "running" && (
        <LinearProgress
          variant="determinate"
          value={share}
          aria-label={t("progress", { name: row.name })}
          sx={{ height: 4, borderRadius: 2, mt: "3px" }}
        />
      )}
    </Box>
  );
}

function Metric({ row }: { row: Row }) {
  if (row.metric === null) return <>–</>;
  const { name, value } = row.metric;
  return (
    <span title={`${name}: ${value}`}>
      <Box component="span" sx={{ color: "text.secondary" }}>
        {name}
      </Box>{" "}
      {figure(value)}
    </span>
  );
}

function Duration({ row }: { row: Row }) {
  const now = useNow(2_000, row.status === "running");
  return <>{duration(ranFor(row, now))}</>;
}
