import Button from "@mui/material/Button";
import Paper from "@mui/material/Paper";
import Skeleton from "@mui/material/Skeleton";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { Ago, type Column, DataTable, Empty, ErrorNote, LinkCell, Page, type Sorting } from "@/components";
import { bytes, number } from "@/lib/format";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { AddDialog } from "./AddDialog";
import { type Dataset, useDatasets, useVersion, type Version } from "./queries";

export function Component() {
  const { t } = useTranslation("datasets");
  const { may } = useSession();
  const [search, setSearch] = useSearchParams();
  const [wanted, setWanted] = useState("");
  const [sorting, setSorting] = useState<Sorting>({ by: "name", descending: false });
  const { datasets, pending, error, refetch } = useDatasets();
  const mayAdd = may("datasets:write");
  const adding = mayAdd && search.has("add");
  const found = sorted(
    datasets.filter((one) => one.name.toLowerCase().includes(wanted.trim().toLowerCase())),
    sorting,
  );
  const columns: Column<Dataset>[] = [
    {
      id: "name",
      label: t("name"),
      width: "minmax(150px, 3fr)",
      sortable: true,
      cell: (one) => <LinkCell to={paths.dataset(one.name, undefined, one.workspace)}>{one.name}</LinkCell>,
    },
    {
      id: "versions",
      label: t("versions"),
      width: "100px",
      align: "right",
      sortable: true,
      cell: (one) => number(one.latest_version ?? 0),
    },
    figureColumn("rows", t("rows"), (version) => number(version.rows)),
    figureColumn("columns", t("columns"), (version) => number(version.columns.length)),
    figureColumn("size", t("size"), (version) => bytes(version.bytes)),
    {
      id: "created",
      label: t("created"),
      width: "minmax(130px, 1fr)",
      sortable: true,
      cell: (one) => <Ago at={one.created_at} />,
    },
    { id: "workspace", label: t("workspace"), wide: true, sortable: true, cell: (one) => one.workspace },
  ];
  const add = mayAdd && (
    <Button variant="contained" onClick={() => setSearch({ add: "" })}>
      {t("add.button")}
    </Button>
  );
  return (
    <Page title={t("nav")} actions={add}>
      <TextField
        type="search"
        label={t("search")}
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
        sx={{ mb: 2, width: { xs: "100%", sm: 320 } }}
      />
      {error !== null && <ErrorNote error={error} onRetry={refetch} />}
      {pending ? (
        <Skeleton variant="rounded" height={320} aria-busy="true" />
      ) : (
        <Paper>
          <DataTable
            label={t("nav")}
            rows={found}
            columns={columns}
            idOf={(one) => `${one.workspace}/${one.name}`}
            sorting={sorting}
            onSort={setSorting}
            empty={
              <Empty title={wanted ? t("noneFound") : t("none")}>
                {wanted ? t("noneFoundDetail") : t("noneDetail")}
              </Empty>
            }
          />
        </Paper>
      )}
      {adding && <AddDialog onClose={() => setSearch({}, { replace: true })} />}
    </Page>
  );
}

/** Of the newest version, asked for when the line is seen. */
function figureColumn(id: string, label: string, text: (version: Version) => string): Column<Dataset> {
  return {
    id,
    label,
    width: "90px",
    align: "right",
    wide: true,
    cell: (one) => <OfVersion dataset={one} text={text} />,
  };
}

function OfVersion({ dataset, text }: { dataset: Dataset; text: (version: Version) => string }) {
  const found = useVersion(dataset.name, dataset.latest_version, dataset.workspace);
  return <>{found.data ? text(found.data) : "–"}</>;
}

function sorted(datasets: Dataset[], { by, descending }: Sorting): Dataset[] {
  const key = (one: Dataset): string | number => {
    if (by === "versions") return one.latest_version ?? 0;
    if (by === "created") return one.created_at;
    return by === "workspace" ? one.workspace : one.name;
  };
  const compare = (a: Dataset, b: Dataset) => {
    const [x, y] = [key(a), key(b)];
    return typeof x === "number" ? x - (y as number) : x.localeCompare(y as string);
  };
  return [...datasets].sort((a, b) => (descending ? -1 : 1) * compare(a, b) || a.name.localeCompare(b.name));
}
