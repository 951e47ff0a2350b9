import Box from "@mui/material/Box";
import TextField from "@mui/material/TextField";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Typography from "@mui/material/Typography";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import { type Algorithm, useAlgorithms, useDatasets, useLater } from "../queries";
import { datasetOf, textAt, workspaceOf } from "../spec/spec";
import { useBoard } from "../state";
import { Card } from "./Card";
import { datasetNames, grouped, type Grouping } from "./groups";

interface Props {
  onAlgorithm: (algorithm: Algorithm) => void;
  onDataset: (name: string) => void;
}

/** What a job is made of: dragged into its slot, or used by a button. */
export function Palette({ onAlgorithm, onDataset }: Props) {
  const { t } = useTranslation("composer");
  const [search, setSearch] = useState("");
  const [sort, setSort] = useState<"algorithms" | "datasets">("algorithms");
  return (
    <Panel title={t("palette.title")}>
      <TextField
        type="search"
        label={t("palette.search")}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        fullWidth
        sx={{ mb: 1, mt: 0.5 }}
      />
      <ToggleButtonGroup
        exclusive
        size="small"
        fullWidth
        color="primary"
        value={sort}
        aria-label={t("palette.which")}
        onChange={(_, next: typeof sort | null) => next && setSort(next)}
        sx={{ mb: 1 }}
      >
        <ToggleButton value="algorithms">{t("palette.algorithms")}</ToggleButton>
        <ToggleButton value="datasets">{t("palette.datasets")}</ToggleButton>
      </ToggleButtonGroup>
      <Box
        sx={{
          maxHeight: { xs: 260, md: "calc(100vh - 300px)" },
          minHeight: 200,
          overflow: "auto",
          px: 0.5,
          mx: -0.5,
        }}
      >
        {sort === "algorithms" ? (
          <Algorithms search={search} onUse={onAlgorithm} />
        ) : (
          <Datasets search={search} onUse={onDataset} />
        )}
      </Box>
    </Panel>
  );
}

function Algorithms({ search, onUse }: { search: string; onUse: (algorithm: Algorithm) => void }) {
  const { t } = useTranslation("composer");
  const { job } = useBoard();
  const [by, setBy] = useState<Grouping>("task");
  const found = useAlgorithms();
  const used = textAt(job, ["algorithm"]);
  const tasksOf = (name: string) =>
    name
      .split("+")
      .map((task) => t(`task.${task}`, { defaultValue: task }))
      .join(", ");
  return (
    <Query of={found} height={300}>
      {(all) => (
        <>
          <TextField
            select
            fullWidth
            label={t("palette.by")}
            value={by}
            onChange={(event) => setBy(event.target.value as Grouping)}
            slotProps={{ select: { native: true } }}
            sx={{ my: 1 }}
          >
            <option value="task">{t("palette.task")}</option>
            <option value="library">{t("palette.library")}</option>
          </TextField>
          <Groups
            of={grouped(all, by, search).map((group) => ({
              name: by === "task" ? tasksOf(group.name) : group.name,
              cards: group.items.map((one) => (
                <Card
                  key={one.name}
                  sort="algorithm"
                  name={one.name}
                  about={one.summary}
                  used={one.name === used}
                  onUse={() => onUse(one)}
                />
              )),
            }))}
          />
        </>
      )}
    </Query>
  );
}

function Datasets({ search, onUse }: { search: string; onUse: (name: string) => void }) {
  const { t } = useTranslation("composer");
  const { job } = useBoard();
  const [more, setMore] = useState(false);
  const found = useDatasets(workspaceOf(job), useLater(more ? search.trim() : ""));
  // With more than one page the server looks for what begins so; else all is here.
  if (found.data?.next_cursor && !more) setMore(true);
  const used = datasetOf(job)?.name;
  return (
    <Query of={found} height={300}>
      {(page) => (
        <Groups
          of={datasetNames(
            page.items.map((one) => one.name),
            search.trim(),
          ).map((group) => ({
            name: t(`palette.${group.name}`),
            cards: group.items.map((name) => (
              <Card key={name} sort="dataset" name={name} used={name === used} onUse={() => onUse(name)} />
            )),
          }))}
        />
      )}
    </Query>
  );
}

function Groups({ of }: { of: { name: string; cards: ReactNode[] }[] }) {
  const { t } = useTranslation("composer");
  if (of.length === 0) return <Empty title={t("palette.none")}>{t("palette.noneHint")}</Empty>;
  return of.map((group) => (
    <Box key={group.name} sx={{ mb: 1.5 }}>
      <Typography variant="h3" sx={{ my: 0.5 }}>
        {group.name}
      </Typography>
      <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0, display: "grid", gap: 0.5 }}>
        {group.cards}
      </Box>
    </Box>
  ));
}
