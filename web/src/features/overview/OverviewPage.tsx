import { useTranslation } from "react-i18next";
import { Page } from "@/components";

export function Component() {
  const { t } = useTranslation("overview");
  return <Page title={t("nav")}>{null}</Page>;
}
