import Box from "@mui/material/Box";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableContainer from "@mui/material/TableContainer";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { memo, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Empty, LinkCell, Panel, Query, StatusChip } from "@/components";
import { figure } from "@/lib/format";
import { paths } from "@/lib/paths";
import { changesOf, copiedFrom, generationsOf, type Part } from "./lineage";
import { useLineage } from "./queries";
import { shown, type Study } from "./values";

/** Who was copied from whom, and what was changed then: a row for each generation. */
function LineagePanel({ study }: { study: Study }) {
  const { t } = useTranslation("studies");
  const found = useLineage(study);
  return (
    <Panel title={t("lineage")} flush>
      <Query of={found} height={320}>
        {({ items }) =>
          items.length ? <Lineage parts={items} /> : <Empty title={t("noTrials")}>{t("noTrialsHint")}</Empty>
        }
      </Query>
    </Panel>
  );
}

function Lineage({ parts }: { parts: Part[] }) {
  const { t } = useTranslation("studies");
  const generations = useMemo(() => generationsOf(parts), [parts]);
  const byNumber = useMemo(() => new Map(parts.map((part) => [part.number, part])), [parts]);
  const members = generations[0]?.members.length ?? 0;
  return (
    <TableContainer tabIndex={0} role="group" aria-label={t("lineage")} sx={{ maxHeight: 520 }}>
      <Table stickyHeader>
        <TableHead>
          <TableRow>
            <TableCell>{t("generation")}</TableCell>
            {Array.from({ length: members }, (_, at) => (
              <TableCell key={at}>{t("member", { number: at })}</TableCell>
            ))}
          </TableRow>
        </TableHead>
        <TableBody>
          {generations.map((generation) => (
            <TableRow key={generation.number} sx={{ verticalAlign: "top" }}>
              <TableCell component="th" scope="row">
                {generation.number}
              </TableCell>
              {generation.members.map((part, at) => (
                <TableCell key={at} sx={{ minWidth: 170 }}>
                  {part ? <OnePart part={part} from={copiedFrom(part, byNumber)} /> : "–"}
                </TableCell>
              ))}
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </TableContainer>
  );
}

function OnePart({ part, from }: { part: Part; from: Part | null }) {
  const { t } = useTranslation("studies");
  return (
    <Box>
      <Box sx={{ display: "flex", gap: 1, flexWrap: "wrap", alignItems: "center" }}>
        {part.job_id ? (
          <LinkCell to={paths.job(part.job_id)}>{t("trial", { number: part.number })}</LinkCell>
        ) : (
          part.number
        )}
        <strong>{figure(part.value)}</strong>
        {part.state !== "completed" && <StatusChip status={part.state} />}
      </Box>
      {from && (
        <Typography variant="body2" sx={{ fontWeight: 600 }}>
          {t("copyOf", { member: from.member, number: from.number })}
        </Typography>
      )}
      {changesOf(part).map((change) => (
        <Typography key={change.name} variant="body2" color="textSecondary">
          {change.name} {shown(change.before)} → {shown(change.after)}
        </Typography>
      ))}
    </Box>
  );
}

export default memo(LineagePanel);
