import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { LinkCell, Panel } from "@/components";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";

/** What to do first, where nothing has been done yet. */
export function StartPanel() {
  const { t } = useTranslation("overview");
  const { may } = useSession();
  return (
    <Panel title={t("start.title")}>
      <Box component="ol" sx={{ mt: 0, pl: 3, "& li": { mb: 1 } }}>
        <li>
          {t("start.data")}{" "}
          {may("datasets:write") && <LinkCell to={paths.datasets}>{t("start.toData")}</LinkCell>}
        </li>
        <li>{t("start.job")}</li>
        <li>{t("start.watch")}</li>
      </Box>
      <Button component={Link} to={paths.newJob} variant="contained">
        {t("start.button")}
      </Button>
    </Panel>
  );
}
