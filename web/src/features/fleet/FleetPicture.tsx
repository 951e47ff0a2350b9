import Box from "@mui/material/Box";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useJobNames } from "./queries";
import type { By } from "./SlotSquare";
import type { Worker } from "./worker";
import { WorkerCard } from "./WorkerCard";

/** From so many on, cards say less each. */
const MANY = 24;

export function FleetPicture({ workers }: { workers: Worker[] }) {
  const { t } = useTranslation("fleet");
  const [by, setBy] = useState<By>("job");
  const names = useJobNames();
  const compact = workers.length > MANY;
  return (
    <>
      <ToggleButtonGroup
        exclusive
        size="small"
        value={by}
        aria-label={t("colourBy")}
        onChange={(_, next: By | null) => next && setBy(next)}
        sx={{ mb: 1.5 }}
      >
        <ToggleButton value="job">{t("byJob")}</ToggleButton>
        <ToggleButton value="state">{t("byState")}</ToggleButton>
      </ToggleButtonGroup>
      <Box
        component="ul"
        aria-label={t("fleet")}
        sx={{
          m: 0,
          p: 0,
          listStyle: "none",
          display: "grid",
          gap: 1.5,
          gridTemplateColumns: `repeat(auto-fill, minmax(min(${compact ? 190 : 290}px, 100%), 1fr))`,
        }}
      >
        {workers.map((worker) => (
          <WorkerCard key={worker.worker_id} worker={worker} names={names} by={by} compact={compact} />
        ))}
      </Box>
    </>
  );
}
