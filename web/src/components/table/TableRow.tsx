import { memo, type ReactNode } from "react";
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
  /** Of the box, for those who do not see it. */
  selectLabel: (id: string) => string;
}

function Line<Row>({
  row,
  id,
  index,
  start,
  height,
  columns,
  checked,
  onToggle,
  selectLabel,
}: Props<Row>): ReactNode {
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
          <input
            type="checkbox"
            className="tf-check"
            checked={checked ?? false}
            onChange={(event) => onToggle([id], event.target.checked)}
            aria-label={selectLabel(id)}
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
