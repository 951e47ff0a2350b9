import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Stack from "@mui/material/Stack";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link, useSearchParams } from "react-router";
import { Empty, ErrorNote, LinkCell, Page } from "@/components";
import { paths } from "@/lib/paths";
import { Chosen } from "./Chosen";
import { Curves } from "./Curves";
import { DifferencesPanel } from "./DifferencesPanel";
import { labelsOf, readIds, withIds } from "./ids";
import { Measures } from "./Measures";
import { Parameters } from "./Parameters";
import { type Job, useJobs } from "./queries";

export interface Compared {
  job: Job;
  label: string;
  /** By its place among all that were asked for, so that leaving one out recolours only those behind it. */
  at: number;
}

export function Component() {
  const { t } = useTranslation("jobs");
  const [search, setSearch] = useSearchParams();
  const ids = useMemo(() => readIds(search), [search]);
  const found = useJobs(ids);
  const jobs = found.flatMap((one) => (one.data ? [one.data] : []));
  const labels = labelsOf(jobs);
  const compared = jobs.map((job, at) => ({ job, label: labels[at]!, at }));
  const choose = (next: string[]) => setSearch(withIds(search, next), { replace: true });
  return (
    <Page
      title={t("compare.title")}
      above={<LinkCell to={paths.jobs}>{t("nav")}</LinkCell>}
      actions={
        <Button component={Link} to={paths.jobs}>
          {t("compare.list")}
        </Button>
      }
    >
      <Stack sx={{ gap: 2 }}>
        <Chosen compared={compared} ids={ids} onChange={choose} />
        {found.map(
          (one, at) =>
            one.isError && <ErrorNote key={ids[at]} error={one.error} onRetry={() => void one.refetch()} />,
        )}
        {found.some((one) => one.isPending) && <Skeleton variant="rounded" height={320} aria-busy="true" />}
        {ids.length === 0 && <Empty title={t("compare.none")}>{t("compare.noneHint")}</Empty>}
        {compared.length > 0 && (
          <>
            <Curves compared={compared} />
            <Measures compared={compared} />
            <Parameters compared={compared} />
            {compared.length > 1 && (
              <DifferencesPanel
                compared={compared}
                base={search.get("base")}
                onBase={(base) => {
                  const next = new URLSearchParams(search);
                  if (base) next.set("base", base);
                  else next.delete("base");
                  setSearch(next, { replace: true });
                }}
              />
            )}
          </>
        )}
      </Stack>
    </Page>
  );
}
