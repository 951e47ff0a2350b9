import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, LinkCell, Panel } from "@/components";
import { timeOfDay } from "@/lib/format";
import { type LiveEvent, useLiveEvents } from "@/lib/live";
import { paths } from "@/lib/paths";
import { detailOf, isAbout, withLatest } from "./events";

/** What has happened on it since the page was opened. */
export function WorkerEvents({ id }: { id: string }) {
  const { t } = useTranslation("fleet");
  const [events, setEvents] = useState<LiveEvent[]>([]);
  useLiveEvents((event) => {
    if (isAbout(event, id)) setEvents((before) => withLatest(before, event));
  });
  return (
    <Panel title={t("events")}>
      {events.length === 0 ? (
        <Empty title={t("noEvents")}>{t("noEventsHint")}</Empty>
      ) : (
        <Box
          component="ol"
          tabIndex={0}
          aria-label={t("events")}
          sx={{ m: 0, p: 0, listStyle: "none", maxHeight: 360, overflow: "auto", display: "grid", gap: 0.75 }}
        >
          {events.map((event) => (
            <li key={event.id}>
              <Typography variant="body2">
                <Box component="time" dateTime={event.at} sx={{ color: "text.secondary", mr: 1 }}>
                  {timeOfDay(event.at)}
                </Box>
                <strong>{event.kind}</strong>{" "}
                {event.job_id && <LinkCell to={paths.job(event.job_id)}>{event.job_id}</LinkCell>}{" "}
                {detailOf(event)}
              </Typography>
            </li>
          ))}
        </Box>
      )}
    </Panel>
  );
}
