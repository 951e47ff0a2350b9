import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { memo, useCallback, useDeferredValue, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, ErrorNote } from "@/components";
import { ENDED, type Job } from "../queries";
import { Summary } from "../Summary";
import { grouped, type Range } from "./lines";
import { MetricCard } from "./MetricCard";
import { pinned, useLook } from "./settings";
import { Tools } from "./Tools";
import { useMetrics } from "./useMetrics";

/** All curves of a job, as they grow, with what there is to know about it beside them. */
export function CurvesTab({ job }: { job: Job }) {
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2,
        alignItems: "start",
        gridTemplateColumns: { xs: "minmax(0, 1fr)", lg: "minmax(0, 1fr) 340px" },
      }}
    >
      <Curves id={job.job_id} workers={job.workers} ended={ENDED.has(job.status)} />
      <Summary job={job} />
    </Box>
  );
}

/** The job is asked for again all the time; of what its curves need nothing changes then. */
const Curves = memo(function Curves({ id, workers, ended }: { id: string; workers: number; ended: boolean }) {
  const { t } = useTranslation("job");
  const [look, change] = useLook();
  const [search, setSearch] = useState("");
  const [ranks, setRanks] = useState<number[]>([0]);
  const [range, setRange] = useState<Range | null>(null);
  const { metrics, names, waiting, error, again, round } = useMetrics(id, ranks);
  const pin = useCallback(
    (name: string) => change((before) => ({ pinned: pinned(before.pinned, name) })),
    [change],
  );
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const groups = useMemo(() => {
    const found = names.filter((name) => name.toLowerCase().includes(wanted));
    const first = found.filter((name) => look.pinned.includes(name));
    const rest = grouped(found.filter((name) => !look.pinned.includes(name)));
    return { first, rest, count: found.length };
  }, [names, wanted, look.pinned]);
  if (names.length === 0) {
    if (error) return <ErrorNote error={error} onRetry={again} />;
    if (waiting) return <Skeleton variant="rounded" height={360} aria-busy="true" />;
    return <Empty title={t("curves.none")}>{t(ended ? "curves.noneEver" : "curves.noneYet")}</Empty>;
  }
  const cards = (title: string, of: string[]) =>
    of.length > 0 && (
      <Box component="section" key={title} aria-label={title} sx={{ mb: 3 }}>
        <Typography variant="h2" sx={{ mb: 1 }}>
          {title}{" "}
          <Typography component="span" variant="body2" color="textSecondary">
            {of.length}
          </Typography>
        </Typography>
        <Box
          sx={{
            display: "grid",
            gap: 1.5,
            gridTemplateColumns: "repeat(auto-fill, minmax(min(100%, 340px), 1fr))",
          }}
        >
          {of.map((name) => (
            <MetricCard
              key={`${name} ${round}`}
              name={name}
              metrics={metrics}
              ranks={ranks}
              look={look}
              range={range}
              onZoom={setRange}
              onPin={pin}
            />
          ))}
        </Box>
      </Box>
    );
  return (
    <Stack sx={{ minWidth: 0 }}>
      <Tools
        workers={workers}
        {...{ look, change, search, setSearch, ranks, setRanks }}
        count={groups.count}
        zoomed={range !== null}
        onWhole={() => setRange(null)}
        onAxis={() => setRange(null)}
      />
      {Boolean(error) && <ErrorNote error={error} onRetry={again} />}
      {groups.count === 0 && <Empty title={t("curves.noMatch", { search })} />}
      {cards(t("curves.pinned"), groups.first)}
      {groups.rest.map(([group, of]) => cards(group || t("curves.metrics"), of))}
    </Stack>
  );
});
