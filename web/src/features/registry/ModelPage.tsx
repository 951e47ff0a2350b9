import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { useParams, useSearchParams } from "react-router";
import { LinkCell, Page, Query, Tabs } from "@/components";
import { paths } from "@/lib/paths";
import { DEFAULT_WORKSPACE } from "@/lib/workspaces";
import { CardView } from "./CardView";
import { CompareView } from "./CompareView";
import { FilesView } from "./FilesView";
import { LineageView } from "./LineageView";
import { OverviewView } from "./OverviewView";
import { type Model, useModel, useVersion } from "./queries";
import { UseView } from "./UseView";
import { VersionsView } from "./VersionsView";

const OF_VERSION = ["overview", "card", "files", "use", "lineage"] as const;
const VIEWS = [...OF_VERSION, "versions", "compare"] as const;

export function Component() {
  const { t } = useTranslation("registry");
  const { name = "" } = useParams();
  const [search] = useSearchParams();
  const workspace = search.get("workspace") ?? DEFAULT_WORKSPACE;
  const model = useModel(name, workspace);
  return (
    <Page key={`${workspace}/${name}`} title={name} above={<LinkCell to={paths.models}>{t("nav")}</LinkCell>}>
      <Query of={model} height={400}>
        {(found) => <Shown model={found} />}
      </Query>
    </Page>
  );
}

function Shown({ model }: { model: Model }) {
  const { t } = useTranslation("registry");
  const [search, setSearch] = useSearchParams();
  const asked = Number(search.get("version"));
  const number = Number.isInteger(asked) && asked > 0 ? asked : model.latest_version;
  const view = VIEWS.find((one) => one === search.get("view")) ?? "overview";
  const at = (changes: Record<string, string>) =>
    `?${new URLSearchParams({ ...Object.fromEntries(search), ...changes })}`;
  const aliased = Object.entries(model.aliases);
  return (
    <>
      <TextField
        select
        label={t("version")}
        value={number}
        onChange={(event) => setSearch(at({ version: event.target.value }))}
        sx={{ minWidth: 140, mb: 1 }}
      >
        {Array.from({ length: Math.max(model.latest_version, number) }, (_, index) => index + 1)
          .reverse()
          .map((one) => (
            <MenuItem key={one} value={one}>
              {[one, ...aliased.filter(([, version]) => version === one).map(([alias]) => alias)].join(" · ")}
            </MenuItem>
          ))}
      </TextField>
      <Tabs
        label={t("view.label")}
        value={view}
        of={VIEWS.map((one) => ({ value: one, label: t(`view.${one}`), to: at({ view: one }) }))}
      />
      {view === "versions" && <VersionsView model={model} />}
      {view === "compare" && <CompareView model={model} />}
      {OF_VERSION.some((one) => one === view) && <OfVersion model={model} number={number} view={view} />}
    </>
  );
}

function OfVersion({ model, number, view }: { model: Model; number: number; view: string }) {
  const version = useVersion(model.name, number, model.workspace);
  return (
    <Query of={version} height={400}>
      {(found) => (
        <>
          {view === "overview" && <OverviewView model={model} version={found} />}
          {view === "card" && <CardView version={found} />}
          {view === "files" && <FilesView version={found} />}
          {view === "use" && <UseView version={found} />}
          {view === "lineage" && <LineageView version={found} />}
        </>
      )}
    </Query>
  );
}
