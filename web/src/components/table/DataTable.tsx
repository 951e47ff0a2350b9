import Box from "@mui/material/Box";
import Checkbox from "@mui/material/Checkbox";
import TableSortLabel from "@mui/material/TableSortLabel";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

export interface Column<Row> {
  id: string;
  label: string;
  cell: (row: Row) => ReactNode;
  /** A CSS grid track: "minmax(160px, 2fr)", "110px". */
  width?: string;
  align?: "right";
  sortable?: boolean;
  /** Left out on narrow screens. */
  wide?: boolean;
}

export interface Sorting {
  by: string;
  descending: boolean;
}

interface Props<Row> {
  /** For people who do not see the table. */
  label: string;
  rows: readonly Row[];
  columns: Column<Row>[];
  idOf: (row: Row) => string;
  /** Pixels; "auto": as high as the rows, for short lists. */
  height?: number | string;
  sorting?: Sorting;
  onSort?: (next: Sorting) => void;
  selected?: ReadonlySet<string>;
  onSelect?: (next: Set<string>) => void;
  /** Called when the end comes near. */
  onEnd?: () => void;
  empty?: ReactNode;
  /** How many there are altogether, if more than are loaded. */
  total?: number;
}

const ROW = 40;
const AHEAD = 20;

/** A table that draws only the rows which are seen: ten thousand scroll as ten do. */
export function DataTable<Row>(props: Props<Row>) {
  const {
    label,
    rows,
    columns,
    idOf,
    height = "calc(100vh - 260px)",
    selected,
    onSelect,
    onEnd,
    empty,
  } = props;
  const { t } = useTranslation("components");
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    getItemKey: (at) => idOf(rows[at]!),
    overscan: 12,
  });
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (onEnd && rows.length > 0 && last >= rows.length - AHEAD) onEnd();
  }, [last, rows.length, onEnd]);
  const tracks = `${onSelect ? "48px " : ""}${columns.map((column) => column.width ?? "minmax(110px, 1fr)").join(" ")}`;
  const narrow = `${onSelect ? "48px " : ""}${columns
    .filter((column) => !column.wide)
    .map((column) => column.width ?? "minmax(110px, 1fr)")
    .join(" ")}`;
  const line = {
    display: "grid",
    gridTemplateColumns: { xs: narrow, md: tracks },
    alignItems: "center",
    borderBottom: 1,
    borderColor: "divider",
    minWidth: "fit-content",
    width: "100%",
  } as const;
  const cell = (column: Column<Row>) =>
    ({
      px: 1,
      minWidth: 0,
      overflow: "hidden",
      textOverflow: "ellipsis",
      whiteSpace: "nowrap",
      textAlign: column.align ?? "left",
      display: column.wide ? { xs: "none", md: "block" } : "block",
    }) as const;
  if (rows.length === 0 && empty) return <>{empty}</>;
  const all = selected !== undefined && rows.length > 0 && rows.every((row) => selected.has(idOf(row)));
  const toggle = (ids: string[], on: boolean) => {
    const next = new Set(selected);
    for (const id of ids)
      if (on) next.add(id);
      else next.delete(id);
    onSelect?.(next);
  };
  return (
    <Box
      ref={frame}
      role="table"
      aria-label={label}
      aria-rowcount={(props.total ?? rows.length) + 1}
      aria-colcount={columns.length + (onSelect ? 1 : 0)}
      tabIndex={0}
      sx={{
        overflow: "auto",
        maxHeight: height === "auto" ? undefined : height,
        fontSize: "0.875rem",
        contain: "content",
      }}
    >
      <Box
        role="rowgroup"
        sx={{ position: "sticky", top: 0, zIndex: 1, bgcolor: "background.paper", minWidth: "fit-content" }}
      >
        <Box role="row" aria-rowindex={1} sx={{ ...line, height: ROW, fontWeight: 600 }}>
          {onSelect && (
            <Box role="columnheader">
              <Checkbox
                size="small"
                checked={all}
                indeterminate={!all && (selected?.size ?? 0) > 0}
                onChange={(_, on) => toggle(rows.map(idOf), on)}
                slotProps={{ input: { "aria-label": t("table.selectAll") } }}
              />
            </Box>
          )}
          {columns.map((column) => (
            <Header key={column.id} column={column} sx={cell(column)} {...props} />
          ))}
        </Box>
      </Box>
      <Box
        role="rowgroup"
        sx={{ position: "relative", height: virtual.getTotalSize(), minWidth: "fit-content" }}
      >
        {shown.map((item) => {
          const row = rows[item.index]!;
          const id = idOf(row);
          return (
            <Box
              key={item.key}
              role="row"
              aria-rowindex={item.index + 2}
              aria-selected={selected?.has(id)}
              sx={{ ...line, "&:hover": { bgcolor: "action.hover" } }}
              style={{ position: "absolute", height: ROW, transform: `translateY(${item.start}px)` }}
            >
              {onSelect && (
                <Box role="cell">
                  <Checkbox
                    size="small"
                    checked={selected?.has(id) ?? false}
                    onChange={(_, on) => toggle([id], on)}
                    slotProps={{ input: { "aria-label": t("table.select", { id }) } }}
                  />
                </Box>
              )}
              {columns.map((column) => (
                <Box key={column.id} role="cell" sx={cell(column)}>
                  {column.cell(row)}
                </Box>
              ))}
            </Box>
          );
        })}
      </Box>
    </Box>
  );
}

function Header<Row>({
  column,
  sx,
  sorting,
  onSort,
}: { column: Column<Row>; sx: object } & Pick<Props<Row>, "sorting" | "onSort">) {
  const active = sorting?.by === column.id;
  const order = active && sorting.descending ? "descending" : "ascending";
  if (!column.sortable || !onSort) {
    return (
      <Box role="columnheader" sx={sx}>
        {column.label}
      </Box>
    );
  }
  return (
    <Box role="columnheader" aria-sort={active ? order : "none"} sx={sx}>
      <TableSortLabel
        active={active}
        direction={order === "descending" ? "desc" : "asc"}
        onClick={() => onSort({ by: column.id, descending: active ? !sorting.descending : false })}
      >
        {column.label}
      </TableSortLabel>
    </Box>
  );
}
