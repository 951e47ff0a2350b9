import { mdiAlertCircle, mdiCheckCircle, mdiCircleSmall } from "@mdi/js";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago, Empty, Icon, Panel, Query } from "@/components";
import { client, got } from "@/lib/api";
import { dateTime } from "@/lib/format";
import type { Job } from "../queries";
import { type Entry, KINDS, story, type Tone } from "./story";

const PAGE = 1_000;
const MOST_PAGES = 20;
const FIRST = 100;
const LOOKS: Record<Tone, [icon: string, color: "success" | "error" | "disabled"]> = {
  good: [mdiCheckCircle, "success"],
  bad: [mdiAlertCircle, "error"],
  note: [mdiCircleSmall, "disabled"],
};

function useEntries(id: string) {
  return useQuery({
    queryKey: ["jobs", id, "story"],
    queryFn: async ({ signal }): Promise<Entry[]> => {
      const found: Entry[] = [];
      let after: number | null = 0;
      for (let page = 0; after !== null && page < MOST_PAGES; page++) {
        const query: { after: number; limit: number; kind: string[] } = { after, limit: PAGE, kind: KINDS };
        const params = { path: { job_id: id }, query };
        const answer = await got(client.GET("/api/v1/jobs/{job_id}/events", { params, signal }));
        found.push(...answer.items);
        after = answer.next_cursor === null ? null : Number(answer.next_cursor);
      }
      return found;
    },
  });
}

/** What happened to the job, the newest first. */
export function Story({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const found = useEntries(job.job_id);
  return (
    <Panel title={t("story.title")}>
      <Query of={found} height={240}>
        {(entries) => (entries.length ? <Sentences entries={entries} /> : <Empty title={t("story.none")} />)}
      </Query>
    </Panel>
  );
}

function Sentences({ entries }: { entries: Entry[] }) {
  const { t } = useTranslation("job");
  const [shown, setShown] = useState(FIRST);
  const told = useMemo(() => story(entries).reverse(), [entries]);
  return (
    <>
      <Box component="ol" reversed sx={{ m: 0, p: 0, listStyle: "none" }}>
        {told.slice(0, shown).map((one) => {
          const [icon, color] = LOOKS[one.tone];
          return (
            <Box
              key={one.id}
              component="li"
              sx={{ display: "flex", gap: 1, py: 0.5, alignItems: "flex-start" }}
            >
              <Icon
                path={icon}
                color={color}
                fontSize="small"
                {...(one.tone === "note" ? {} : { label: t(`story.tone.${one.tone}`) })}
              />
              <Box sx={{ minWidth: 0 }}>
                <Typography variant="body2">{t(`story.${one.key}`, one.values)}</Typography>
                <Typography variant="caption" color="textSecondary">
                  {dateTime(one.at)} (<Ago at={one.at} />)
                </Typography>
              </Box>
            </Box>
          );
        })}
      </Box>
      {told.length > shown && (
        <Button onClick={() => setShown(shown + 5 * FIRST)}>
          {t("story.more", { count: told.length - shown })}
        </Button>
      )}
    </>
  );
}
