import Box from "@mui/material/Box";
import Checkbox from "@mui/material/Checkbox";
import TableSortLabel from "@mui/material/TableSortLabel";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useCallback, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { cellClass, TableRow } from "./TableRow";

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
  // The same function as long as the rows are the same: another one has the place of every row computed anew.
  const itemKey = useRef(idOf);
  const getItemKey = useCallback((at: number) => itemKey.current(rows[at]!), [rows]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    getItemKey,
    overscan: 12,
    // While one scrolls fast it may be drawn a frame later, together with what else has changed.
    useFlushSync: false,
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
  // One set of rules for the frame, not one for each cell: thousands of them are drawn while one scrolls.
  const styles = {
    "& .tf-line": {
      display: "grid",
      gridTemplateColumns: { xs: narrow, md: tracks },
      alignItems: "center",
      borderBottom: 1,
      borderColor: "divider",
      minWidth: "fit-content",
      width: "100%",
    },
    "& .tf-body:hover": { bgcolor: "action.hover" },
    "& .tf-cell": {
      px: 1,
      minWidth: 0,
      overflow: "hidden",
      textOverflow: "ellipsis",
      whiteSpace: "nowrap",
      textAlign: "left",
    },
    "& .tf-check": {
      width: 18,
      height: 18,
      m: "15px",
      display: "block",
      accentColor: "var(--mui-palette-primary-main)",
    },
    "& .tf-right": { textAlign: "right" },
    "& .tf-right .MuiTableSortLabel-root": { flexDirection: "row-reverse" },
    "& .tf-wide": { display: { xs: "none", md: "block" } },
  } as const;
  const selectLabel = useCallback((id: string) => t("table.select", { id }), [t]);
  const latest = useRef({ selected, onSelect });
  useEffect(() => {
    latest.current = { selected, onSelect };
  });
  const toggle = useCallback((ids: string[], on: boolean) => {
    const next = new Set(latest.current.selected);
    for (const id of ids)
      if (on) next.add(id);
      else next.delete(id);
    latest.current.onSelect?.(next);
  }, []);
  if (rows.length === 0 && empty) return <>{empty}</>;
  const all = selected !== undefined && rows.length > 0 && rows.every((row) => selected.has(idOf(row)));
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
        ...styles,
      }}
    >
      <Box
        role="rowgroup"
        sx={{ position: "sticky", top: 0, zIndex: 1, bgcolor: "background.paper", minWidth: "fit-content" }}
      >
        <Box role="row" className="tf-line" aria-rowindex={1} sx={{ height: ROW, fontWeight: 600 }}>
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
            <Header key={column.id} column={column} {...props} />
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
            <TableRow
              key={item.key}
              {...{ row, id, columns }}
              index={item.index}
              start={item.start}
              height={ROW}
              selectLabel={selectLabel}
              {...(selected ? { checked: selected.has(id) } : {})}
              {...(onSelect ? { onToggle: toggle } : {})}
            />
          );
        })}
      </Box>
    </Box>
  );
}

function Header<Row>({
  column,
  sorting,
  onSort,
}: { column: Column<Row> } & Pick<Props<Row>, "sorting" | "onSort">) {
  const active = sorting?.by === column.id;
  const order = active && sorting.descending ? "descending" : "ascending";
  if (!column.sortable || !onSort) {
    return (
      <Box role="columnheader" className={cellClass(column)}>
        {column.label}
      </Box>
    );
  }
  return (
    <Box role="columnheader" className={cellClass(column)} aria-sort={active ? order : "none"}>
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
