import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { useSession } from "@/lib/session";
import { CHECKPOINT, MORE, SPLIT } from "../spec/fields";
import { at, isMapping, mappingAt, textAt, workspaceOf, wrongAt } from "../spec/spec";
import { useBoard } from "../state";
import { Fold } from "./Fold";
import { Grid } from "./Grid";
import { readLabels, shownLabels } from "./labels";
import { SpecFields } from "./SpecField";
import { useTyped } from "./useTyped";

/** The parts that have good defaults. */
export function More() {
  const { t } = useTranslation("composer");
  const { job } = useBoard();
  const has = (name: string) => at(job, [name]) !== undefined;
  return (
    <>
      <Fold title={t("checkpoint.title")} summary={t("checkpoint.usual")} needed={has("checkpoint")}>
        <Grid>
          <SpecFields of={CHECKPOINT} />
        </Grid>
      </Fold>
      <Fold title={t("split.title")} summary={t("split.usual")} needed={has("split") || has("evaluation")}>
        <Grid>
          <SpecFields of={SPLIT} />
        </Grid>
      </Fold>
      <Fold
        title={t("more.title")}
        summary={t("more.usual")}
        needed={["model_name", "priority", "retries", "timeout", "seed", "labels"].some(has)}
      >
        <Grid>
          <SpecFields of={MORE} />
          <Workspace />
          <Labels />
        </Grid>
      </Fold>
    </>
  );
}

function Workspace() {
  const { t } = useTranslation("composer");
  const { caller, may } = useSession();
  const { job, set, refused } = useBoard();
  const now = workspaceOf(job);
  const names = Object.keys(caller.workspaces).filter((name) => may("jobs:write", name));
  const all = [...new Set(["default", ...names, now])];
  const wrong = wrongAt(refused, ["workspace"]);
  return (
    <TextField
      select
      label={t("field.workspace")}
      value={now}
      error={wrong !== undefined}
      helperText={wrong ?? " "}
      onChange={(event) =>
        set(["workspace"], event.target.value === "default" ? undefined : event.target.value)
      }
      slotProps={{ select: { native: true } }}
    >
      {all.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </TextField>
  );
}

function Labels() {
  const { t } = useTranslation("composer");
  const { job, set, refused } = useBoard();
  const value = textAt(job, ["labels"]) || mappingAt(job, ["labels"]);
  const { text, type } = useTyped(
    isMapping(value) && Object.keys(value).length === 0 ? undefined : value,
    shownLabels,
    readLabels,
  );
  const wrong = wrongAt(refused, ["labels"]);
  return (
    <TextField
      multiline
      label={t("field.labels")}
      placeholder="team: vision"
      error={wrong !== undefined}
      helperText={wrong ?? t("hint.labels")}
      value={text}
      onChange={(event) => set(["labels"], type(event.target.value))}
      slotProps={{ inputLabel: { shrink: true } }}
    />
  );
}
