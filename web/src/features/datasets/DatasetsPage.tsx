import { useTranslation } from "react-i18next";
import { Page } from "@/components";

export function Component() {
  const { t } = useTranslation("datasets");
  return <Page title={t("nav")}>{null}</Page>;
}
