import Stack from "@mui/material/Stack";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import { ENDED, type Job, useWaterfall } from "../queries";
import { Story } from "./Story";
import { Waterfall } from "./Waterfall";

export function TimelineTab({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const found = useWaterfall(job.job_id, !ENDED.has(job.status));
  return (
    <Stack sx={{ gap: 2 }}>
      {job.kind !== "tune" && (
        <Query of={found} height={240}>
          {({ attempts }) =>
            attempts.length === 0 ? (
              <Panel title={t("waterfall.title")}>
                <Empty title={t("waterfall.none")}>{t("waterfall.noneYet")}</Empty>
              </Panel>
            ) : (
              [...attempts].reverse().map((one) => <Waterfall key={one.attempt} attempt={one} />)
            )
          }
        </Query>
      )}
      <Story job={job} />
    </Stack>
  );
}
