import { mdiFileUploadOutline } from "@mdi/js";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import FormHelperText from "@mui/material/FormHelperText";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { type DragEvent, useId, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon, Panel, useToast } from "@/components";
import { useSession } from "@/lib/session";
import { takeDataset } from "../board/choosing";
import { Slot } from "../palette/dragging";
import type { Version } from "../queries";
import { textAt, workspaceOf, wrongAt } from "../spec/spec";
import { useBoard } from "../state";
import { UploadProgress } from "./UploadProgress";
import { useUpload } from "./useUpload";
import { Preview } from "./Preview";

const TAKEN = ".csv,.tsv,.txt,.data,.parquet,.pq";

export function DatasetSlot({ version, error }: { version: Version | undefined; error: string | undefined }) {
  const { t } = useTranslation("composer");
  const toast = useToast();
  const { may } = useSession();
  const { job, apply, set, refused } = useBoard();
  const workspace = workspaceOf(job);
  const [name, setName] = useState("");
  const [over, setOver] = useState(false);
  const { upload, start, cancel } = useUpload(workspace, (made) => {
    apply(takeDataset(job, `${made.name}@${made.version}`));
    toast(t("dataset.added", { name: made.name, version: made.version }), "success");
  });
  const chosen = textAt(job, ["dataset"]) || textAt(job, ["dataset_path"]);
  const writes = may("datasets:write", workspace);
  const take = (file: File | undefined) => file && void start(file, name.trim());
  const onDrop = (event: DragEvent) => {
    if (!writes || event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  };
  const remove = chosen && (
    <Button
      onClick={() =>
        apply([
          [["dataset"], undefined],
          [["dataset_path"], undefined],
          [["target_column"], undefined],
        ])
      }
    >
      {t("dataset.remove")}
    </Button>
  );
  const wrong = wrongAt(refused, ["dataset"]) ?? error;
  return (
    <Box
      onDragOver={(event) => {
        if (!writes || !event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
      sx={{ outline: over ? "2px dashed" : "none", outlineColor: "primary.main", borderRadius: 1 }}
    >
      <Panel title={t("dataset.title")} actions={remove}>
        <Slot sort="dataset">
          <Typography sx={{ fontWeight: 600 }}>{chosen || t("dataset.empty")}</Typography>
          {!chosen && (
            <Typography variant="body2" color="textSecondary">
              {t(writes ? "dataset.emptyHint" : "dataset.emptyRead")}
            </Typography>
          )}
          {wrong && <FormHelperText error>{wrong}</FormHelperText>}
          {writes && <ChooseFile name={name} onName={setName} onFile={take} />}
          {upload.state !== "idle" && (
            <UploadProgress
              upload={upload}
              onCancel={cancel}
              onRetry={(file) => void start(file, name.trim())}
            />
          )}
          {version && (
            <Preview
              version={version}
              target={textAt(job, ["target_column"])}
              workspace={workspace}
              onTarget={(column) => set(["target_column"], column)}
            />
          )}
        </Slot>
      </Panel>
    </Box>
  );
}

interface ChooseProps {
  name: string;
  onName: (name: string) => void;
  onFile: (file: File | undefined) => void;
}

function ChooseFile({ name, onName, onFile }: ChooseProps) {
  const { t } = useTranslation("composer");
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  return (
    <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap", alignItems: "center", mt: 1.5 }}>
      {/* Its label looks like a button, and the input itself has the focus. */}
      <Box
        sx={{
          position: "relative",
          "& input:focus-visible + label": {
            outline: "3px solid",
            outlineColor: "warning.main",
            outlineOffset: 2,
          },
        }}
      >
        <input
          ref={input}
          id={id}
          type="file"
          accept={TAKEN}
          onChange={(event) => {
            onFile(event.target.files?.[0]);
            // The same file may be chosen again.
            event.target.value = "";
          }}
          style={{ position: "absolute", opacity: 0, width: 1, height: 1 }}
        />
        <Button
          component="label"
          htmlFor={id}
          variant="outlined"
          tabIndex={-1}
          role={undefined}
          startIcon={<Icon path={mdiFileUploadOutline} />}
        >
          {t("dataset.choose")}
        </Button>
      </Box>
      <TextField
        label={t("dataset.name")}
        placeholder={t("dataset.nameHint")}
        value={name}
        onChange={(event) => onName(event.target.value)}
        slotProps={{ inputLabel: { shrink: true }, htmlInput: { autoComplete: "off" } }}
        sx={{ flex: "1 1 12rem", maxWidth: 320 }}
      />
    </Stack>
  );
}
