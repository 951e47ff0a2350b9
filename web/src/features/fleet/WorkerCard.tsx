import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { LinkCell, StatusChip } from "@/components";
import { percent } from "@/lib/format";
import { paths } from "@/lib/paths";
import { Bars } from "./Bars";
import { type By, SlotSquare } from "./SlotSquare";
import { slotsOf } from "./slots";
import { evidenceOf, loadOf, type Worker } from "./worker";

const MOST_SQUARES = 64;
const MOST_SQUARES_COMPACT = 16;

interface Props {
  worker: Worker;
  names: ReadonlyMap<string, string>;
  by: By;
  compact: boolean;
}

/** A machine: what runs in its slots, how busy it is, and what is wrong with it. */
export const WorkerCard = memo(function WorkerCard({ worker, names, by, compact }: Props) {
  const { t } = useTranslation("fleet");
  const { slots, more } = slotsOf(worker, compact ? MOST_SQUARES_COMPACT : MOST_SQUARES);
  const evidence = evidenceOf(worker);
  const well = worker.state === "online";
  return (
    <Box
      component="li"
      sx={{
        border: 1,
        borderColor: well ? "divider" : worker.state === "lost" ? "error.main" : "warning.main",
        borderStyle: worker.state === "lost" ? "dashed" : "solid",
        borderRadius: 1,
        p: compact ? 1 : 1.5,
        minWidth: 0,
        // Five hundred of them cost what those cost that are seen.
        contentVisibility: "auto",
        containIntrinsicSize: compact ? "auto 104px" : "auto 210px",
      }}
    >
      <Stack
        direction="row"
        useFlexGap
        sx={{ gap: 1, flexWrap: "wrap", alignItems: "center", justifyContent: "space-between" }}
      >
        <LinkCell to={paths.worker(worker.worker_id)} sx={{ fontWeight: 600, minHeight: 24 }}>
          {worker.name}
        </LinkCell>
        {(!compact || !well) && <StatusChip status={worker.state} />}
      </Stack>
      <Typography variant="caption" component="p" color="textSecondary" sx={{ mb: 0.75 }}>
        {t("slotsBusy", { busy: worker.busy, slots: worker.slots })}
      </Typography>
      <Stack
        component="ul"
        direction="row"
        useFlexGap
        aria-label={t("slots")}
        sx={{ flexWrap: "wrap", gap: 0.5, m: 0, p: 0, listStyle: "none", mb: 1 }}
      >
        {slots.map((slot, at) => (
          <SlotSquare key={at} slot={slot} names={names} by={by} />
        ))}
        {more > 0 && <Box component="li">+{more}</Box>}
      </Stack>
      {compact ? <CompactLoad worker={worker} /> : <Bars load={loadOf(worker)} />}
      {evidence.length > 0 && (
        <Box component="ul" aria-label={t("evidence")} sx={{ m: 0, mt: 1, pl: 2.5, fontSize: "0.8125rem" }}>
          {(compact ? evidence.slice(0, 1) : evidence).map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </Box>
      )}
    </Box>
  );
});

function CompactLoad({ worker }: { worker: Worker }) {
  const { t } = useTranslation("fleet");
  const load = loadOf(worker);
  const gpus = load.gpus.map((gpu) => gpu.utilisation).filter((one) => one !== null);
  const mean = gpus.length ? gpus.reduce((sum, one) => sum + one, 0) / gpus.length : null;
  const parts: [string, number | null][] = [
    [t("cpu"), load.cpu],
    [t("memory"), load.memory],
    [t("gpu"), mean],
  ];
  return (
    <Typography variant="caption" component="p" color="textSecondary">
      {parts
        .filter(([, value]) => value !== null)
        .map(([name, value]) => `${name} ${percent((value ?? 0) / 100)}`)
        .join(" · ")}
    </Typography>
  );
}
