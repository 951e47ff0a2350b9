import Checkbox from "@mui/material/Checkbox";
import { memo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "./DataTable";

interface Props<Row> {
  row: Row;
  id: string;
  index: number;
  /** Pixels from the top. */
  start: number;
  height: number;
  columns: Column<Row>[];
  checked?: boolean;
  onToggle?: (ids: string[], on: boolean) => void;
}

function Line<Row>({ row, id, index, start, height, columns, checked, onToggle }: Props<Row>): ReactNode {
  const { t } = useTranslation("components");
  return (
    <div
      role="row"
      className="tf-line tf-body"
      aria-rowindex={index + 2}
      aria-selected={checked}
      style={{ position: "absolute", height, transform: `translateY(${start}px)` }}
    >
      {onToggle && (
        <div role="cell">
          <Checkbox
            size="small"
            checked={checked ?? false}
            onChange={(_, on) => onToggle([id], on)}
            slotProps={{ input: { "aria-label": t("table.select", { id }) } }}
          />
        </div>
      )}
      {columns.map((column) => (
        <div key={column.id} role="cell" className={cellClass(column)}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

/** Drawn again only when what it shows has changed: while one scrolls, that is the rows which come into sight. */
export const TableRow = memo(Line) as typeof Line;

export function cellClass<Row>(column: Column<Row>): string {
  return `tf-cell${column.align === "right" ? " tf-right" : ""}${column.wide ? " tf-wide" : ""}`;
}
