import Box from "@mui/material/Box";
import Paper from "@mui/material/Paper";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { useDeferredValue, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, ErrorNote } from "@/components";
import { number } from "@/lib/format";
import { ENDED, type Job } from "../queries";
import { saveText } from "../save";
import { type Line, matches } from "./lines";
import { LogTools } from "./LogTools";
import { LogView } from "./LogView";
import { useLog } from "./useLog";

const MOST_BESIDE = 8;
const HEIGHT = "max(360px, calc(100vh - 330px))";

export function LogsTab({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const ended = ENDED.has(job.status);
  const { log, version, whole, busy, error, loadAll, again } = useLog(job.job_id);
  const [rank, setRank] = useState<number | null>(null);
  const [look, setLook] = useState({ wrap: true, times: false, beside: false, follow: true });
  const [search, setSearch] = useState("");
  const [place, setPlace] = useState(0);
  const wanted = useDeferredValue(search);
  const ranks = useMemo(() => log?.ranks() ?? [], [log, version]); // eslint-disable-line react-hooks/exhaustive-deps
  const lines = useMemo(
    () => (log === null ? [] : rank === null ? [...log.lines] : log.lines.filter((one) => one.rank === rank)),
    [log, version, rank], // eslint-disable-line react-hooks/exhaustive-deps
  );
  const found = useMemo(() => matches(lines, wanted), [lines, wanted]);
  if (error && log === null) return <ErrorNote error={error} onRetry={again} />;
  if (log === null) return <Skeleton variant="rounded" height={480} aria-busy="true" />;
  const current = found.length ? found[Math.min(place, found.length - 1)]! : null;
  const change = (different: Partial<typeof look>) => setLook({ ...look, ...different });
  const go = (by: number) => {
    if (!found.length) return;
    setPlace((Math.min(place, found.length - 1) + by + found.length) % found.length);
    change({ follow: false });
  };
  const download = async () => {
    const all = (await loadAll())?.lines ?? [];
    const kept = rank === null ? all : all.filter((one) => one.rank === rank);
    saveText(
      `${job.name}-${job.job_id}.log`,
      kept.map((one) => withRank(one, ranks.length > 1)).join("\n") + "\n",
    );
  };
  const view = (of: readonly Line[], label: string, showRanks: boolean, height: string) => (
    <LogView
      label={label}
      lines={of}
      version={version}
      {...look}
      ranks={showRanks}
      wanted={wanted}
      current={look.beside ? null : current}
      onFollow={(follow) => change({ follow })}
      height={height}
    />
  );
  return (
    <Paper sx={{ overflow: "hidden" }}>
      <LogTools
        {...{ search, rank, setRank, ranks, look, change, go, busy, whole }}
        setSearch={(text) => (setSearch(text), setPlace(0))}
        place={current === null ? 0 : Math.min(place, found.length - 1) + 1}
        found={found.length}
        onAll={() => void loadAll()}
        onDownload={() => void download()}
      />
      {Boolean(error) && <ErrorNote error={error} onRetry={again} />}
      {log.dropped > 0 && (
        <Typography variant="body2" color="textSecondary" sx={{ px: 1.5, py: 0.5 }}>
          {t("logs.dropped", { count: log.dropped, shown: number(log.dropped) })}
        </Typography>
      )}
      {lines.length === 0 ? (
        <Empty title={t("logs.none")}>{t(ended ? "logs.noneEver" : "logs.noneYet")}</Empty>
      ) : look.beside ? (
        <Box
          sx={{
            display: "grid",
            gap: "1px",
            bgcolor: "divider",
            gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "repeat(2, minmax(0, 1fr))" },
          }}
        >
          {ranks.slice(0, MOST_BESIDE).map((one) => (
            <Box key={one} sx={{ bgcolor: "background.paper", minWidth: 0 }}>
              <Typography variant="h2" sx={{ px: 1, py: 0.5, fontSize: "0.9rem" }}>
                {t("rank", { rank: one })}
              </Typography>
              <OfRank rank={one} lines={lines} view={view} />
            </Box>
          ))}
        </Box>
      ) : (
        view(lines, t("logs.label"), rank === null && ranks.length > 1, HEIGHT)
      )}
    </Paper>
  );
}

type View = (of: readonly Line[], label: string, showRanks: boolean, height: string) => React.ReactNode;

function OfRank({ rank, lines, view }: { rank: number; lines: readonly Line[]; view: View }) {
  const { t } = useTranslation("job");
  const own = useMemo(() => lines.filter((one) => one.rank === rank), [lines, rank]);
  return view(own, t("logs.labelOf", { rank }), false, "420px");
}

const withRank = (line: Line, several: boolean) => (several ? `[${line.rank}] ${line.text}` : line.text);
