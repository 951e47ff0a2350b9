import Chip from "@mui/material/Chip";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Ago, type Column, DataTable, Empty, LinkCell, Panel, Query } from "@/components";
import { figure } from "@/lib/format";
import { paths } from "@/lib/paths";
import { datasetOf } from "./describe";
import { type Model, useVersions, type Version } from "./queries";

const MOST_METRICS = 4;

export function VersionsView({ model }: { model: Model }) {
  const versions = useVersions(model.name, model.workspace);
  return (
    <Query of={versions} height={400}>
      {(found) => <Listed versions={found} />}
    </Query>
  );
}

function Listed({ versions }: { versions: Version[] }) {
  const { t } = useTranslation("registry");
  const metrics = useMemo(
    () => [...new Set(versions.flatMap((one) => Object.keys(one.metrics)))].slice(0, MOST_METRICS),
    [versions],
  );
  const columns: Column<Version>[] = [
    {
      id: "version",
      label: t("version"),
      width: "90px",
      cell: (one) => (
        <LinkCell to={paths.model(one.name, one.version, one.workspace)}>{`${one.version}`}</LinkCell>
      ),
    },
    {
      id: "aliases",
      label: t("aliases"),
      width: "minmax(120px, 1.5fr)",
      cell: (one) =>
        one.aliases.map((alias) => (
          <Chip key={alias} size="small" variant="outlined" label={alias} sx={{ mr: 0.5 }} />
        )),
    },
    ...metrics.map((name): Column<Version> => ({
      id: `metric ${name}`,
      label: name,
      width: "minmax(110px, 1fr)",
      align: "right",
      cell: (one) => figure(one.metrics[name]),
    })),
    {
      id: "job",
      label: t("job"),
      width: "minmax(140px, 1.5fr)",
      cell: (one) =>
        one.job_id ? (
          <LinkCell to={paths.job(one.job_id)}>{one.tags["tensorfleet.job_name"] ?? one.job_id}</LinkCell>
        ) : (
          "–"
        ),
    },
    {
      id: "dataset",
      label: t("dataset"),
      width: "minmax(120px, 1fr)",
      wide: true,
      cell: (one) => {
        const dataset = datasetOf(one);
        if (!dataset) return "–";
        return (
          <LinkCell
            to={paths.dataset(dataset.name, dataset.version, one.workspace)}
          >{`${dataset.name}@${dataset.version}`}</LinkCell>
        );
      },
    },
    { id: "created", label: t("created"), width: "130px", cell: (one) => <Ago at={one.created_at} /> },
  ];
  return (
    <Panel flush title={t("versions")}>
      <DataTable
        label={t("versions")}
        rows={versions}
        columns={columns}
        idOf={(one) => String(one.version)}
        height={versions.length > 14 ? 600 : "auto"}
        empty={<Empty title={t("none")} />}
      />
    </Panel>
  );
}
