import Button from "@mui/material/Button";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useParams, useSearchParams } from "react-router";
import { Empty, LinkCell, Page, Query, Tabs } from "@/components";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { DEFAULT_WORKSPACE } from "@/lib/workspaces";
import { Actions } from "./Actions";
import { AddDialog } from "./AddDialog";
import { ColumnsView } from "./ColumnsView";
import { CompareView } from "./CompareView";
import { LineageView } from "./LineageView";
import { type Dataset, useDataset, useVersion } from "./queries";
import { RowsView } from "./RowsView";

const VIEWS = ["columns", "rows", "compare", "lineage"] as const;

export function Component() {
  const { t } = useTranslation("datasets");
  const { name = "" } = useParams();
  const [search] = useSearchParams();
  const workspace = search.get("workspace") ?? DEFAULT_WORKSPACE;
  const dataset = useDataset(name, workspace);
  return (
    <Page
      key={`${workspace}/${name}`}
      title={name}
      above={<LinkCell to={paths.datasets}>{t("nav")}</LinkCell>}
      actions={dataset.data && <Actions dataset={dataset.data} version={versionOf(search, dataset.data)} />}
    >
      <Query of={dataset} height={400}>
        {(found) => <Shown dataset={found} />}
      </Query>
    </Page>
  );
}

/** The one that the address names, else the latest. */
function versionOf(search: URLSearchParams, dataset: Dataset): number | null {
  const asked = Number(search.get("version"));
  return Number.isInteger(asked) && asked > 0 ? asked : dataset.latest_version;
}

function Shown({ dataset }: { dataset: Dataset }) {
  const { t } = useTranslation("datasets");
  const { may } = useSession();
  const [search, setSearch] = useSearchParams();
  const [adding, setAdding] = useState(false);
  const number = versionOf(search, dataset);
  const version = useVersion(dataset.name, number, dataset.workspace);
  if (number === null) {
    return (
      <Empty title={t("noVersion")}>
        {may("datasets:write", dataset.workspace) && (
          <Button onClick={() => setAdding(true)}>{t("add.version")}</Button>
        )}
        {adding && <AddDialog to={dataset} onClose={() => setAdding(false)} />}
      </Empty>
    );
  }
  const asked = search.get("view");
  const view = VIEWS.find((one) => one === asked) ?? "columns";
  const at = (changes: Record<string, string>) =>
    `?${new URLSearchParams({ ...Object.fromEntries(search), ...changes })}`;
  return (
    <>
      <TextField
        select
        label={t("version")}
        value={number}
        onChange={(event) => setSearch(at({ version: event.target.value }))}
        sx={{ minWidth: 120, mb: 1 }}
      >
        {Array.from({ length: Math.max(dataset.latest_version ?? 0, number) }, (_, index) => index + 1)
          .reverse()
          .map((one) => (
            <MenuItem key={one} value={one}>
              {one}
            </MenuItem>
          ))}
      </TextField>
      <Tabs
        label={t("view.label")}
        value={view}
        of={VIEWS.map((one) => ({ value: one, label: t(`view.${one}`), to: at({ view: one }) }))}
      />
      <Query of={version} height={400}>
        {(found) => (
          <>
            {view === "columns" && <ColumnsView version={found} dataset={dataset} />}
            {view === "rows" && <RowsView key={number} version={found} workspace={dataset.workspace} />}
            {view === "compare" && <CompareView version={found} dataset={dataset} />}
            {view === "lineage" && <LineageView version={found} workspace={dataset.workspace} />}
          </>
        )}
      </Query>
    </>
  );
}
