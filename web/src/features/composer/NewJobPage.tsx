import Skeleton from "@mui/material/Skeleton";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { Empty, ErrorNote, Page } from "@/components";
import { client, got } from "@/lib/api";
import { useSession } from "@/lib/session";
import { ComposerPage } from "./ComposerPage";
import { edit, write } from "./spec/document";
import { withoutDefaults } from "./spec/spec";
import { TEMPLATES } from "./spec/templates";
import { firstText } from "./state";

/** `?from=JOB` takes up a past job, `?template=ID` a template, `?dataset=NAME` begins with a dataset; else the draft. */
export function Component() {
  const { t } = useTranslation("composer");
  const { may, homeWorkspace } = useSession();
  const [asked] = useSearchParams();
  const from = asked.get("from");
  const past = useQuery({
    queryKey: ["jobs", from, "composer"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: from ?? "" } }, signal })),
    enabled: from !== null,
    staleTime: Infinity,
  });
  if (!may("jobs:write", null)) {
    return (
      <Page title={t("nav")}>
        <Empty title={t("forbidden")}>{t("forbiddenHint")}</Empty>
      </Page>
    );
  }
  if (from !== null && !past.data) {
    return (
      <Page title={t("nav")}>
        {past.isError ? (
          <ErrorNote error={past.error} onRetry={() => void past.refetch()} />
        ) : (
          <Skeleton variant="rounded" height={600} aria-busy="true" />
        )}
      </Page>
    );
  }
  const dataset = asked.get("dataset");
  const template = TEMPLATES.find((one) => one.id === asked.get("template"))?.text;
  const given = past.data
    ? write(withoutDefaults(past.data.spec))
    : (template ?? (dataset ? edit(firstText(homeWorkspace), [[["dataset"], dataset]]) : null));
  return <ComposerPage key={asked.toString()} given={given} />;
}
