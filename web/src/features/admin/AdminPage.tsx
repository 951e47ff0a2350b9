import Skeleton from "@mui/material/Skeleton";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useParams } from "react-router";
import { Empty, Page, Tabs } from "@/components";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { sectionsOf } from "./sections";

export function Component() {
  const { t } = useTranslation("admin");
  const { caller } = useSession();
  const { section } = useParams();
  const mine = sectionsOf(caller);
  const chosen = section ? mine.find(({ name }) => name === section) : mine[0];
  return (
    <Page title={t("nav")}>
      {mine.length > 0 && (
        <Tabs
          label={t("nav")}
          value={chosen?.name ?? mine[0]!.name}
          of={mine.map(({ name }) => ({ value: name, label: t(`sections.${name}`), to: paths.admin(name) }))}
        />
      )}
      {chosen ? (
        <Suspense fallback={<Skeleton variant="rounded" height={400} />}>
          <chosen.View key={chosen.name} />
        </Suspense>
      ) : (
        <Empty title={t("notYours")}>{t("notYoursHint")}</Empty>
      )}
    </Page>
  );
}
