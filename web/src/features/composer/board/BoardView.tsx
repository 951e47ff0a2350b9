import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { useToast } from "@/components";
import { DatasetSlot } from "../dataset/DatasetSlot";
import { Dragging } from "../palette/dragging";
import { Palette } from "../palette/Palette";
import { type Algorithm, useAlgorithms, useVersion } from "../queries";
import { at, textAt, wrongAt } from "../spec/spec";
import { useBoard } from "../state";
import { AlgorithmSlot } from "./AlgorithmSlot";
import { takeAlgorithm, takeDataset } from "./choosing";
import { Hyperparameters } from "./Hyperparameters";
import { More } from "./More";
import { Resources } from "./Resources";
import { Study } from "./Study";

/** The job as parts that are dragged into their places. */
export function BoardView() {
  const { t } = useTranslation("composer");
  const toast = useToast();
  const { job, apply, wrong } = useBoard();
  const algorithms = useAlgorithms();
  const version = useVersion(job);
  const algorithm = algorithms.data?.find((one) => one.name === at(job, ["algorithm"]));
  const takeIt = (one: Algorithm) => {
    apply(takeAlgorithm(job, one));
    toast(t("drag.end", { name: one.name, slot: t("slot.algorithm") }), "success");
  };
  const takeData = (name: string) => {
    apply(takeDataset(job, name));
    toast(t("drag.end", { name, slot: t("slot.dataset") }), "success");
  };
  const broken = wrong[0];
  return (
    <>
      {broken && (
        <Alert severity="warning" sx={{ mb: 2 }}>
          {t("board.broken", { line: broken.line })}
        </Alert>
      )}
      <Box component="fieldset" disabled={broken !== undefined} sx={{ border: 0, p: 0, m: 0, minWidth: 0 }}>
        <Dragging
          onDrop={({ sort, name }) => {
            if (broken) return;
            const found = algorithms.data?.find((one) => one.name === name);
            if (sort === "dataset") takeData(name);
            else if (found) takeIt(found);
          }}
        >
          <Box
            sx={{
              display: "grid",
              gap: 2,
              alignItems: "start",
              gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "280px minmax(0, 1fr)" },
            }}
          >
            <Box sx={{ position: { md: "sticky" }, top: 64, minWidth: 0 }}>
              <Palette onAlgorithm={takeIt} onDataset={takeData} />
            </Box>
            <Box sx={{ display: "grid", gap: 2, minWidth: 0, gridTemplateColumns: "minmax(0, 1fr)" }}>
              <Name />
              <DatasetSlot
                version={version.data}
                error={version.isError ? version.error.message : undefined}
              />
              <AlgorithmSlot algorithm={algorithm} />
              <Hyperparameters algorithm={algorithm} version={version.data} />
              <Study />
              <Resources />
              <More />
            </Box>
          </Box>
        </Dragging>
      </Box>
    </>
  );
}

function Name() {
  const { t } = useTranslation("composer");
  const { job, set, refused } = useBoard();
  const wrong = wrongAt(refused, ["name"]);
  return (
    <TextField
      label={t("field.name")}
      required
      value={textAt(job, ["name"]) || textAt(job, ["job_name"])}
      error={wrong !== undefined}
      helperText={wrong ?? ""}
      onChange={(event) =>
        set([at(job, ["job_name"]) === undefined ? "name" : "job_name"], event.target.value)
      }
      slotProps={{ htmlInput: { autoComplete: "off", maxLength: 100 } }}
      sx={{ bgcolor: "background.paper" }}
    />
  );
}
