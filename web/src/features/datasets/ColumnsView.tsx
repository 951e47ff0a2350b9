import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import Link from "@mui/material/Link";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import {
  Ago,
  type Column as TableColumn,
  CopyButton,
  DataTable,
  Empty,
  Facts,
  Panel,
  type Sorting,
} from "@/components";
import { bytes, figure, number, percent } from "@/lib/format";
import { ColumnDialog, ended } from "./ColumnDialog";
import { SmallPlot } from "./Plot";
import { type Column, profileOf } from "./profile";
import type { Dataset, Version } from "./queries";

const SHORT = 12;

/** What a version is, and what its columns hold. */
export function ColumnsView({ version, dataset }: { version: Version; dataset: Dataset }) {
  const { t } = useTranslation("datasets");
  const reference = `${version.name}@${version.version}`;
  return (
    <Stack spacing={2}>
      <Panel title={t("facts.title")}>
        <Facts
          columns={4}
          of={[
            [t("facts.description"), dataset.description],
            [t("rows"), number(version.rows)],
            [t("columns"), number(version.columns.length)],
            [t("size"), bytes(version.bytes)],
            [t("facts.format"), version.format],
            [t("facts.target"), version.target],
            [t("created"), <Ago key="created" at={version.created_at} />],
            [t("workspace"), dataset.workspace],
            [t("facts.source"), version.source],
            [
              t("facts.use"),
              <span key="use">
                <code>dataset: {reference}</code>{" "}
                <CopyButton text={`dataset: ${reference}`} what={reference} />
              </span>,
            ],
            [t("facts.digest"), <code key="digest">{version.digest}</code>],
          ]}
        />
      </Panel>
      <ColumnsPanel version={version} />
    </Stack>
  );
}

function ColumnsPanel({ version }: { version: Version }) {
  const { t } = useTranslation("datasets");
  const [wanted, setWanted] = useState("");
  const [sorting, setSorting] = useState<Sorting | null>(null);
  const [opened, setOpened] = useState<Column | null>(null);
  const found = version.columns.filter((one) => one.name.toLowerCase().includes(wanted.trim().toLowerCase()));
  const rows = sorting ? sortedColumns(found, sorting) : found;
  return (
    <Panel
      flush
      title={t("column.count", { count: version.columns.length })}
      actions={
        version.columns.length > SHORT && (
          <TextField
            type="search"
            label={t("column.search")}
            value={wanted}
            onChange={(event) => setWanted(event.target.value)}
          />
        )
      }
    >
      <DataTable
        label={t("columns")}
        rows={rows}
        columns={useColumns(version, setOpened)}
        idOf={(one) => one.name}
        height={rows.length > SHORT ? 600 : "auto"}
        onSort={setSorting}
        {...(sorting ? { sorting } : {})}
        empty={<Empty title={t("column.none")} />}
      />
      {opened && <ColumnDialog version={version} column={opened} onClose={() => setOpened(null)} />}
    </Panel>
  );
}

function useColumns(version: Version, onOpen: (column: Column) => void): TableColumn<Column>[] {
  const { t } = useTranslation("datasets");
  const profile = (one: Column) => profileOf(version, one.name);
  const stat = (id: "min" | "max" | "mean" | "std"): TableColumn<Column> => ({
    id,
    label: t(`column.${id}`),
    width: "minmax(100px, 1fr)",
    align: "right",
    wide: true,
    cell: (one) => {
      const value = profile(one)[id];
      return typeof value === "number" ? figure(value) : (ended(value) ?? "–");
    },
  });
  return [
    {
      id: "name",
      label: t("column.name"),
      width: "minmax(150px, 2fr)",
      sortable: true,
      cell: (one) => (
        <>
          <Link
            component="button"
            type="button"
            onClick={() => onOpen(one)}
            title={t("column.details", { name: one.name })}
            sx={{ font: "inherit", verticalAlign: "baseline" }}
          >
            {one.name}
          </Link>
          {one.name === version.target && (
            <Chip size="small" color="primary" variant="outlined" label={t("column.target")} sx={{ ml: 1 }} />
          )}
        </>
      ),
    },
    { id: "type", label: t("column.type"), width: "110px", cell: (one) => t(`type.${one.type}`) },
    {
      id: "plot",
      label: t("column.values"),
      width: "minmax(120px, 1.2fr)",
      cell: (one) => (
        <Box sx={{ py: 0.5 }}>
          <SmallPlot column={one} profile={profile(one)} rows={version.rows} />
        </Box>
      ),
    },
    {
      id: "missing",
      label: t("column.missing"),
      width: "120px",
      align: "right",
      sortable: true,
      cell: (one) =>
        one.missing === 0 ? "0" : `${number(one.missing)} (${percent(one.missing / version.rows, 1)})`,
    },
    {
      id: "unique",
      label: t("column.unique"),
      width: "110px",
      align: "right",
      sortable: true,
      cell: (one) => (one.unique === null ? t("column.many") : number(one.unique)),
    },
    stat("min"),
    stat("mean"),
    stat("max"),
    stat("std"),
  ];
}

function sortedColumns(columns: Column[], { by, descending }: Sorting): Column[] {
  const compare = (a: Column, b: Column) => {
    if (by === "missing") return a.missing - b.missing;
    if (by === "unique") return (a.unique ?? Infinity) - (b.unique ?? Infinity) || 0;
    return a.name.localeCompare(b.name, undefined, { numeric: true });
  };
  return [...columns].sort((a, b) => (descending ? -1 : 1) * compare(a, b));
}
