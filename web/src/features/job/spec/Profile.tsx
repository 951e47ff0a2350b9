import Box from "@mui/material/Box";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import type { Schemas } from "@/lib/api";
import { number, percent } from "@/lib/format";
import { Bars } from "../Bars";
import { ENDED, type Job, useProfile } from "../queries";
import { num, shown } from "../shape";

const MOST_RANKS = 16;

/** Where the time of a step goes; nothing where nobody asked for a profile. */
export function Profile({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const found = useProfile(job.job_id, Boolean(job.spec.profile) || ENDED.has(job.status)).data;
  if (!found?.ms) return null;
  return (
    <Panel title={t("profile.title")}>
      <Typography variant="body2" sx={{ mb: 1.5 }}>
        {found.sentence}
      </Typography>
      {found.ranks.slice(0, MOST_RANKS).map((rank) => (
        <RankProfile key={rank.rank} rank={rank} unit={found.unit} />
      ))}
    </Panel>
  );
}

function RankProfile({ rank, unit }: { rank: Schemas["RankProfile"]; unit: "step" | "job" }) {
  const { t } = useTranslation("job");
  const title = t("profile.rank", { rank: rank.rank, ms: number(rank.ms, 3), steps: rank.steps });
  return (
    <Box sx={{ mb: 2 }}>
      <Typography variant="h3" sx={{ mb: 0.5 }}>
        {unit === "step" ? title : t("rank", { rank: rank.rank })}
      </Typography>
      {rank.note && <Typography variant="body2">{rank.note}</Typography>}
      <Bars
        label={title}
        of={rank.phases.map((one) => ({
          name: t(`profile.phase.${one.name}`, { defaultValue: one.name }),
          value: one.share,
          text: `${number(one.ms, 3)} ms, ${percent(one.share)}`,
        }))}
      />
      {rank.operators.length > 0 && (
        <Box sx={{ overflowX: "auto", mt: 1 }} tabIndex={0} role="region" aria-label={t("profile.operators")}>
          <Table>
            <TableHead>
              <TableRow>
                <TableCell>{t("profile.operator")}</TableCell>
                <TableCell align="right">{t("profile.ms")}</TableCell>
                <TableCell align="right">{t("profile.calls")}</TableCell>
              </TableRow>
            </TableHead>
            <TableBody>
              {rank.operators.map((one, at) => (
                <TableRow key={at}>
                  <TableCell component="th" scope="row">
                    <code>{shown(one.name)}</code>
                  </TableCell>
                  <TableCell align="right">{number(num(one.ms), 3)}</TableCell>
                  <TableCell align="right">{number(num(one.calls))}</TableCell>
                </TableRow>
              ))}
            </TableBody>
          </Table>
        </Box>
      )}
    </Box>
  );
}
