import Skeleton from "@mui/material/Skeleton";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton, Empty, Panel, Query } from "@/components";
import { ApiError } from "@/lib/api";
import { useCard, type Version } from "./queries";

const Markdown = lazy(() => import("./Markdown"));

export function CardView({ version }: { version: Version }) {
  const { t } = useTranslation("registry");
  const card = useCard(version.name, version.version, version.workspace);
  if (card.error instanceof ApiError && card.error.status === 404) return <Empty title={t("noCard")} />;
  return (
    <Panel
      title={t("view.card")}
      actions={card.data && <CopyButton text={card.data} what={t("view.card")} />}
    >
      <Query of={card} height={480}>
        {(text) => (
          <Suspense fallback={<Skeleton variant="rounded" height={480} />}>
            <Markdown text={text} />
          </Suspense>
        )}
      </Query>
    </Panel>
  );
}
