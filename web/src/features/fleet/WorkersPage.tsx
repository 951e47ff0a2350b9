import Box from "@mui/material/Box";
import MenuItem from "@mui/material/MenuItem";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Typography from "@mui/material/Typography";
import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Page, Panel, Query } from "@/components";
import { bytes, number } from "@/lib/format";
import { FleetPicture } from "./FleetPicture";
import { useWorkers } from "./queries";
import { ScalePanel } from "./ScalePanel";
import { chosenOf, totalsOf } from "./totals";
import type { Worker } from "./worker";
import { WorkersTable } from "./WorkersTable";

const FleetUsagePanel = lazy(() => import("./FleetUsagePanel"));
const STATES = ["online", "draining", "quarantined", "lost"] as const;

type View = "picture" | "table";
const KEPT = "tensorfleet.workers.view";

export function Component() {
  const { t } = useTranslation("fleet");
  const found = useWorkers();
  return (
    <Page title={t("nav")}>
      <Stack spacing={2}>
        <Query of={found} height={420}>
          {({ items }) => <Fleet workers={items} />}
        </Query>
        <Suspense fallback={<Box sx={{ height: 320 }} />}>
          <FleetUsagePanel />
        </Suspense>
        <ScalePanel slots={found.data ? totalsOf(found.data.items).slots : null} />
      </Stack>
    </Page>
  );
}

function Fleet({ workers }: { workers: Worker[] }) {
  const { t } = useTranslation("fleet");
  const [view, setView] = useState<View>(() =>
    localStorage.getItem(KEPT) === "table" ? "table" : "picture",
  );
  const [text, setText] = useState("");
  const [state, setState] = useState("");
  const shown = useMemo(() => chosenOf(workers, text, state), [workers, text, state]);
  const choose = (next: View | null) => {
    if (next === null) return;
    localStorage.setItem(KEPT, next);
    setView(next);
  };
  const actions = (
    <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", gap: 1 }}>
      <TextField
        label={t("search")}
        type="search"
        value={text}
        onChange={(event) => setText(event.target.value)}
        sx={{ width: 180 }}
      />
      <TextField
        select
        label={t("state")}
        value={state}
        onChange={(event) => setState(event.target.value)}
        sx={{ width: 150 }}
      >
        <MenuItem value="">{t("anyState")}</MenuItem>
        {STATES.map((one) => (
          <MenuItem key={one} value={one}>
            {t(`components:status.${one}`)}
          </MenuItem>
        ))}
      </TextField>
      <ToggleButtonGroup
        exclusive
        size="small"
        value={view}
        aria-label={t("view")}
        onChange={(_, next: View | null) => choose(next)}
      >
        <ToggleButton value="picture">{t("picture")}</ToggleButton>
        <ToggleButton value="table">{t("table")}</ToggleButton>
      </ToggleButtonGroup>
    </Stack>
  );
  return (
    <Panel title={t("fleet")} actions={actions} flush={view === "table"}>
      <Box sx={view === "table" ? { px: 2, pb: 1 } : { pb: 2 }}>
        <TotalLine workers={workers} />
      </Box>
      {shown.length === 0 ? (
        <Empty title={workers.length ? t("noneFits") : t("none")}>
          {workers.length ? t("noneFitsHint") : t("noneHint")}
        </Empty>
      ) : view === "picture" ? (
        <FleetPicture workers={shown} />
      ) : (
        <WorkersTable workers={shown} />
      )}
    </Panel>
  );
}

function TotalLine({ workers }: { workers: Worker[] }) {
  const { t } = useTranslation("fleet");
  const totals = useMemo(() => totalsOf(workers), [workers]);
  const odd = (["draining", "quarantined", "lost"] as const).filter((state) => totals.states[state] > 0);
  const parts = [
    t("total.workers", { count: totals.workers }),
    t("total.slots", { busy: totals.busy, slots: totals.slots }),
    t("total.machines", { count: totals.machines }),
    t("total.cpus", { count: totals.cpus, shown: number(totals.cpus) }),
    bytes(totals.memory),
    ...(totals.gpus ? [t("total.gpus", { count: totals.gpus })] : []),
    ...odd.map((state) => `${totals.states[state]} ${t(`components:status.${state}`)}`),
  ];
  return <Typography variant="body2">{parts.join(" · ")}</Typography>;
}
