import { useTranslation } from "react-i18next";
import { useLocation } from "react-router";
import { Empty, Page } from "@/components";

export function Component() {
  const { t } = useTranslation("coming");
  const part = useLocation().pathname.slice(1);
  return (
    <Page title={t(part)}>
      <Empty title={t("notYet")}>{t(`what.${part}`)}</Empty>
    </Page>
  );
}
