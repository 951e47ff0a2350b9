import Alert from "@mui/material/Alert";
import AlertTitle from "@mui/material/AlertTitle";
import Button from "@mui/material/Button";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/lib/api";

/** What went wrong, in the server's words, field by field. */
export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation("components");
  const known = error instanceof ApiError ? error : null;
  const away = known?.status === 0;
  const title = away ? t("error.away") : (known?.title ?? t("error.unexpected"));
  const detail = away ? t("error.awayDetail") : error instanceof Error ? error.message : String(error);
  const retry = onRetry && (
    <Button color="inherit" onClick={onRetry}>
      {t("error.retry")}
    </Button>
  );
  return (
    <Alert severity="error" action={retry} sx={{ whiteSpace: "pre-wrap" }}>
      <AlertTitle>{title}</AlertTitle>
      {detail !== title && detail}
      {known !== null && known.fields.length > 0 && (
        <ul>
          {known.fields.map((one, at) => (
            <li key={at}>
              <strong>{one.field}</strong>: {one.message}
            </li>
          ))}
        </ul>
      )}
    </Alert>
  );
}
