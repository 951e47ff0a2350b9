import Button from "@mui/material/Button";
import { useTranslation } from "react-i18next";
import { Link, useRouteError } from "react-router";
import { Empty, ErrorNote, Page } from "@/components";

export function NotFound() {
  const { t } = useTranslation("app");
  return (
    <Page title={t("notFound.title")}>
      <Empty title={t("notFound.detail")}>
        <Button component={Link} to="/">
          {t("notFound.home")}
        </Button>
      </Empty>
    </Page>
  );
}

/** A page that could not be shown: a defect of ours, or files of a newer version that this window does not know. */
export function PageFailed() {
  const { t } = useTranslation("app");
  const error = useRouteError();
  return (
    <Page title={t("failed.title")}>
      <ErrorNote error={error} onRetry={() => window.location.reload()} />
    </Page>
  );
}
