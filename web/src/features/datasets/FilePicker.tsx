import { mdiFileUploadOutline } from "@mdi/js";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
import { type DragEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "@/components";
import { bytes } from "@/lib/format";

interface Props {
  file: File | null;
  onFile: (file: File) => void;
  disabled?: boolean;
}

/** A place to drop a file on; the button in it does the same without a mouse. */
export function FilePicker({ file, onFile, disabled = false }: Props) {
  const { t } = useTranslation("datasets");
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const dropped = event.dataTransfer.files[0];
    if (dropped && !disabled) onFile(dropped);
  };
  return (
    <Box
      onDragOver={(event) => (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      sx={{
        p: 2,
        textAlign: "center",
        border: 2,
        borderStyle: "dashed",
        borderRadius: 1,
        borderColor: over ? "primary.main" : "divider",
        bgcolor: over ? "action.hover" : undefined,
      }}
    >
      <input
        ref={input}
        type="file"
        hidden
        accept=".csv,.tsv,.txt,.data,.parquet,.pq"
        onChange={(event) => {
          const chosen = event.target.files?.[0];
          if (chosen) onFile(chosen);
          event.target.value = "";
        }}
      />
      <Typography variant="body2" sx={{ mb: 1 }}>
        {file ? `${file.name} (${bytes(file.size)})` : t("add.drop")}
      </Typography>
      <Button
        variant="outlined"
        disabled={disabled}
        startIcon={<Icon path={mdiFileUploadOutline} />}
        onClick={() => input.current?.click()}
      >
        {file ? t("add.another") : t("add.choose")}
      </Button>
    </Box>
  );
}
