import { mdiPlus } from "@mdi/js";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Paper from "@mui/material/Paper";
import Skeleton from "@mui/material/Skeleton";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { DataTable, Empty, ErrorNote, Icon, Page } from "@/components";
import { number } from "@/lib/format";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { moveBetweenRows } from "./arrows";
import { BulkBar } from "./BulkBar";
import { useColumns } from "./columns";
import { FilterBar } from "./FilterBar";
import {
  type Filters,
  isFiltered,
  NO_FILTERS,
  readFilters,
  sortingOf,
  sortOf,
  totalOf,
  writeFilters,
} from "./filters";
import { useLiveTable, useProgress } from "./live";
import { useCounts, useJobsTable } from "./queries";
import { SavedViews } from "./SavedViews";

const HEIGHT = "max(320px, calc(100dvh - 300px))";

export function Component() {
  const { t } = useTranslation("jobs");
  const { may, workspace } = useSession();
  const [search, setSearch] = useSearchParams();
  const filters = useMemo(() => readFilters(search), [search]);
  const counts = useCounts(filters);
  const total = counts && totalOf(counts, filters.status);
  const choose = (next: Filters) => setSearch(writeFilters(next), { replace: true });
  return (
    <Page
      title={t("nav")}
      actions={
        may("jobs:write") && (
          <Button component={Link} to={paths.newJob} variant="contained" startIcon={<Icon path={mdiPlus} />}>
            {t("new")}
          </Button>
        )
      }
    >
      <Stack sx={{ gap: 1.5 }}>
        <SavedViews filters={filters} onChoose={choose} />
        <FilterBar filters={filters} counts={counts ?? {}} onChange={choose} />
        {/* Another list begins with nothing chosen. */}
        <List
          key={`${writeFilters(filters).toString()} ${workspace ?? ""}`}
          filters={filters}
          total={total}
          onChange={choose}
        />
      </Stack>
    </Page>
  );
}

interface ListProps {
  filters: Filters;
  /** How many there are, loaded or not; undefined while nobody knows. */
  total: number | undefined;
  onChange: (next: Filters) => void;
}

function List({ filters, total, onChange }: ListProps) {
  const { t } = useTranslation("jobs");
  const { workspace } = useSession();
  const table = useJobsTable(filters);
  const { rows, key, hasNextPage, isFetchingNextPage, fetchNextPage } = table;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const columns = useColumns(workspace === null);
  useLiveTable(key);
  useProgress(
    key,
    rows.some((row) => row.status === "running"),
  );
  const chosen = useMemo(() => rows.filter((row) => selected.has(row.id)), [rows, selected]);
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const loadedText = (count: number, more: boolean) =>
    more && total !== undefined ? t("loadedOf", { count, total: number(total) }) : t("loadedAll", { count });
  if (table.isError && !table.data) {
    return <ErrorNote error={table.error} onRetry={() => void table.refetch()} />;
  }
  return (
    <>
      <BulkBar
        rows={rows}
        chosen={chosen}
        onClear={() => setSelected(new Set())}
        onDone={(_, outcomes) => {
          const gone = new Set(outcomes.filter((one) => one.refused === null).map((one) => one.id));
          setSelected((now) => new Set([...now].filter((id) => !gone.has(id))));
        }}
      />
      {/* The rows' own links and boxes take the keys; this only moves between them. */}
      <Paper sx={{ minWidth: 0, overflow: "hidden" }} onKeyDown={moveBetweenRows}>
        {table.isPending ? (
          <Skeleton variant="rectangular" sx={{ height: HEIGHT }} aria-busy="true" />
        ) : (
          <DataTable
            label={t("nav")}
            rows={rows}
            columns={columns}
            idOf={(row) => row.id}
            height={HEIGHT}
            sorting={sortingOf(filters.sort)}
            onSort={(sorting) => onChange({ ...filters, sort: sortOf(sorting) })}
            selected={selected}
            onSelect={setSelected}
            onEnd={onEnd}
            {...(total !== undefined && hasNextPage ? { total } : {})}
            empty={<Nothing filtered={isFiltered(filters)} onAll={() => onChange(NO_FILTERS)} />}
          />
        )}
      </Paper>
      <Box sx={{ minHeight: 24 }}>
        <Typography variant="body2" color="textSecondary">
          {table.isPending ? "" : loadedText(rows.length, hasNextPage)}
        </Typography>
        {table.isFetchNextPageError && <ErrorNote error={table.error} onRetry={() => void fetchNextPage()} />}
      </Box>
    </>
  );
}

function Nothing({ filtered, onAll }: { filtered: boolean; onAll: () => void }) {
  const { t } = useTranslation("jobs");
  if (filtered) {
    return (
      <Empty title={t("empty.filtered")}>
        <Button onClick={onAll}>{t("empty.all")}</Button>
      </Empty>
    );
  }
  return (
    <Empty title={t("empty.none")}>
      <Button component={Link} to={paths.newJob}>
        {t("new")}
      </Button>
    </Empty>
  );
}
