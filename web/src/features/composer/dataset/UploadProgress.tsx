import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { ErrorNote } from "@/components";
import { bytes } from "@/lib/format";
import type { Upload } from "./useUpload";

interface Props {
  upload: Exclude<Upload, { state: "idle" }>;
  onCancel: (file: File) => void;
  onRetry: (file: File) => void;
}

export function UploadProgress({ upload, onCancel, onRetry }: Props) {
  const { t } = useTranslation("composer");
  const { file } = upload;
  if (upload.state === "refused") {
    return (
      <Alert severity="error" sx={{ mt: 1.5 }} onClose={() => onCancel(file)}>
        {t(`upload.${upload.why}`, { file: file.name })}
      </Alert>
    );
  }
  if (upload.state === "failed") {
    return (
      <Box sx={{ mt: 1.5 }}>
        <ErrorNote error={upload.error} onRetry={() => onRetry(file)} />
        <Button sx={{ mt: 0.5 }} onClick={() => onCancel(file)}>
          {t("upload.cancel")}
        </Button>
      </Box>
    );
  }
  const share = file.size ? (100 * upload.done) / file.size : 0;
  const reading = upload.state === "reading";
  return (
    <Box sx={{ mt: 1.5 }}>
      <Stack direction="row" sx={{ alignItems: "center", gap: 1 }}>
        <Typography variant="body2" role="status" sx={{ flex: 1 }}>
          {reading
            ? t("upload.reading", { file: file.name })
            : t("upload.sending", { file: file.name, done: bytes(upload.done), all: bytes(file.size) })}
        </Typography>
        <Button onClick={() => onCancel(file)}>{t("upload.cancel")}</Button>
      </Stack>
      <LinearProgress
        aria-label={t("upload.progress")}
        {...(reading || share === 0 ? {} : { variant: "determinate", value: share })}
      />
    </Box>
  );
}
