import Chip from "@mui/material/Chip";
import Paper from "@mui/material/Paper";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago, type Column, DataTable, Empty, LinkCell, Page, Query, type Sorting } from "@/components";
import { figure, number } from "@/lib/format";
import { mainMetric } from "@/lib/metrics";
import { paths } from "@/lib/paths";
import { type Model, useModels, useVersion } from "./queries";

export function Component() {
  const { t } = useTranslation("registry");
  const [wanted, setWanted] = useState("");
  const [sorting, setSorting] = useState<Sorting>({ by: "name", descending: false });
  const models = useModels();
  const columns: Column<Model>[] = [
    {
      id: "name",
      label: t("name"),
      width: "minmax(150px, 2fr)",
      sortable: true,
      cell: (one) => <LinkCell to={paths.model(one.name, undefined, one.workspace)}>{one.name}</LinkCell>,
    },
    {
      id: "versions",
      label: t("versions"),
      width: "100px",
      align: "right",
      sortable: true,
      cell: (one) => number(one.latest_version),
    },
    {
      id: "aliases",
      label: t("aliases"),
      width: "minmax(130px, 2fr)",
      cell: (one) =>
        Object.entries(one.aliases).map(([alias, version]) => (
          <Chip key={alias} size="small" variant="outlined" label={`${alias}: ${version}`} sx={{ mr: 0.5 }} />
        )),
    },
    {
      id: "metric",
      label: t("newestMetric"),
      width: "minmax(150px, 1.5fr)",
      wide: true,
      cell: (one) => <MainMetric model={one} />,
    },
    {
      id: "created",
      label: t("created"),
      width: "minmax(120px, 1fr)",
      sortable: true,
      cell: (one) => <Ago at={one.created_at} />,
    },
    { id: "workspace", label: t("workspace"), wide: true, sortable: true, cell: (one) => one.workspace },
  ];
  const text = wanted.trim().toLowerCase();
  return (
    <Page title={t("nav")}>
      <TextField
        type="search"
        label={t("search")}
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
        sx={{ mb: 2, width: { xs: "100%", sm: 320 } }}
      />
      <Query of={models} height={320}>
        {(found) => (
          <Paper>
            <DataTable
              label={t("nav")}
              rows={sorted(
                found.filter((one) => one.name.toLowerCase().includes(text)),
                sorting,
              )}
              columns={columns}
              idOf={(one) => `${one.workspace}/${one.name}`}
              sorting={sorting}
              onSort={setSorting}
              empty={
                <Empty title={text ? t("noneFound") : t("none")}>
                  {text ? t("noneFoundDetail") : t("noneDetail")}
                </Empty>
              }
            />
          </Paper>
        )}
      </Query>
    </Page>
  );
}

/** Of the newest version, asked for when the line is seen. */
function MainMetric({ model }: { model: Model }) {
  const found = useVersion(model.name, model.latest_version, model.workspace);
  const main = found.data && mainMetric({ metrics: found.data.metrics, spec: {} });
  return <>{main ? `${main.name} ${figure(main.value)}` : "–"}</>;
}

function sorted(models: Model[], { by, descending }: Sorting): Model[] {
  const compare = (a: Model, b: Model) => {
    if (by === "versions") return a.latest_version - b.latest_version;
    if (by === "created") return a.created_at.localeCompare(b.created_at);
    return by === "workspace" ? a.workspace.localeCompare(b.workspace) : a.name.localeCompare(b.name);
  };
  return [...models].sort((a, b) => (descending ? -1 : 1) * compare(a, b) || a.name.localeCompare(b.name));
}
