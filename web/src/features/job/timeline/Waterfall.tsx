import Box from "@mui/material/Box";
import FormControlLabel from "@mui/material/FormControlLabel";
import Switch from "@mui/material/Switch";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import { useSeriesColors } from "@/components/charts/LineChart";
import type { Schemas } from "@/lib/api";
import { duration } from "@/lib/format";
import { bars, startUp, ticks } from "./scale";

type Attempt = Schemas["AttemptTimes"];
const MOST_RANKS = 32;

/** Where the time of an attempt went, rank by rank, and the same as a table. */
export function Waterfall({ attempt }: { attempt: Attempt }) {
  const { t } = useTranslation("job");
  const colors = useSeriesColors();
  const ranks = attempt.ranks.slice(0, MOST_RANKS);
  const beginning = startUp(ranks, attempt.seconds);
  // Next to hours of training nothing of the start would be seen.
  const [whole, setWhole] = useState(false);
  const until = whole ? attempt.seconds : beginning;
  const names = [...new Set(ranks.flatMap((rank) => rank.stages.map((one) => one.name)))];
  const color = (name: string) => colors[names.indexOf(name) % colors.length];
  const called = (name: string) => t(`stage.${name}`, { defaultValue: name });
  const outcome = t(`waterfall.outcome.${attempt.outcome}`, { defaultValue: attempt.outcome });
  return (
    <Panel
      title={t("waterfall.attempt", { attempt: attempt.attempt })}
      actions={
        beginning < attempt.seconds && (
          <FormControlLabel
            control={<Switch size="small" checked={whole} onChange={(_, on) => setWhole(on)} />}
            label={t("waterfall.whole")}
          />
        )
      }
    >
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1.5 }}>
        {t("waterfall.took", {
          outcome,
          time: duration(attempt.seconds),
          queued: duration(attempt.queued_s),
        })}
      </Typography>
      <Box role="img" aria-label={t("waterfall.label", { attempt: attempt.attempt, time: duration(until) })}>
        {ranks.map((rank) => (
          <Box key={rank.rank} sx={{ display: "flex", alignItems: "center", gap: 1, mb: 0.5 }}>
            <Typography variant="caption" noWrap sx={{ width: 64, flexShrink: 0 }}>
              {t("rank", { rank: rank.rank })}
            </Typography>
            <Box
              sx={{
                position: "relative",
                flex: 1,
                height: 22,
                bgcolor: "action.hover",
                borderRadius: 0.5,
                overflow: "hidden",
              }}
            >
              {bars(rank.stages, until).map((bar) => (
                <Box
                  key={bar.name + bar.start_s}
                  title={`${called(bar.name)}: ${duration(bar.seconds)}`}
                  sx={{
                    position: "absolute",
                    insetBlock: 0,
                    bgcolor: color(bar.name),
                    borderRight: 1,
                    borderColor: "background.paper",
                  }}
                  style={{ left: `${bar.left}%`, width: `${bar.width}%` }}
                />
              ))}
            </Box>
          </Box>
        ))}
        <Box sx={{ position: "relative", height: 18, ml: "72px" }} aria-hidden>
          {ticks(until).map((at) => (
            <Typography
              key={at}
              variant="caption"
              color="textSecondary"
              sx={{ position: "absolute", transform: at > 0.9 * until ? "translateX(-100%)" : undefined }}
              style={{ left: `${(100 * at) / until}%` }}
            >
              {at === 0 ? "0" : duration(at)}
            </Typography>
          ))}
        </Box>
      </Box>
      <Box sx={{ overflowX: "auto", mt: 1.5 }} tabIndex={0} role="region" aria-label={t("waterfall.table")}>
        <Table>
          <TableHead>
            <TableRow>
              <TableCell>{t("waterfall.stage")}</TableCell>
              {ranks.map((rank) => (
                <TableCell key={rank.rank} align="right">
                  {t("rank", { rank: rank.rank })}
                </TableCell>
              ))}
            </TableRow>
          </TableHead>
          <TableBody>
            {names.map((name) => (
              <TableRow key={name}>
                <TableCell component="th" scope="row" sx={{ whiteSpace: "nowrap" }}>
                  <Box
                    component="span"
                    sx={{
                      display: "inline-block",
                      width: 12,
                      height: 12,
                      borderRadius: 0.5,
                      mr: 1,
                      bgcolor: color(name),
                    }}
                  />
                  {called(name)}
                </TableCell>
                {ranks.map((rank) => (
                  <TableCell key={rank.rank} align="right" sx={{ whiteSpace: "nowrap" }}>
                    {duration(rank.stages.find((one) => one.name === name)?.seconds)}
                  </TableCell>
                ))}
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </Box>
    </Panel>
  );
}
