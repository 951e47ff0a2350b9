import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Facts } from "@/components";
import type { Schemas } from "@/lib/api";
import { dateTime } from "@/lib/format";
import { type Change, changesOf } from "../changes";

interface Props {
  of: Schemas["EntryRead"];
  onClose: () => void;
}

/** One entry: who, from where, and what it made different. */
export function AuditEntry({ of: entry, onClose }: Props) {
  const { t } = useTranslation(["admin", "components"]);
  const id = useId();
  const changes = changesOf(entry.before, entry.after);
  return (
    <Dialog open fullWidth maxWidth="md" onClose={onClose} aria-labelledby={id}>
      <DialogTitle id={id}>{entry.action}</DialogTitle>
      <DialogContent>
        <Facts
          columns={2}
          of={[
            [t("audit.at"), dateTime(entry.at)],
            [t("audit.actor"), entry.actor_name ?? entry.actor_id],
            [t("audit.via"), [entry.via, entry.credential].filter(Boolean).join(" ")],
            [t("audit.source"), entry.source],
            [t("audit.target"), [entry.target_kind, entry.target].filter(Boolean).join(" ")],
            [t("workspace"), entry.workspace],
            [t("audit.outcome"), entry.outcome],
            [t("audit.seq"), entry.seq],
            [t("audit.trace"), entry.trace_id],
            [t("audit.hash"), <code key="hash">{entry.hash}</code>],
          ]}
        />
        <Typography variant="h3" component="h3" sx={{ mt: 3, mb: 1 }}>
          {t("audit.changes")}
        </Typography>
        {changes.length === 0 ? (
          <Typography variant="body2">{t("audit.noChanges")}</Typography>
        ) : (
          <Box sx={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("audit.changes")}>
            <Table>
              <TableHead>
                <TableRow>
                  <TableCell>{t("audit.field")}</TableCell>
                  <TableCell>{t("audit.before")}</TableCell>
                  <TableCell>{t("audit.after")}</TableCell>
                </TableRow>
              </TableHead>
              <TableBody>
                {changes.map((one) => (
                  <Line key={one.name} of={one} />
                ))}
              </TableBody>
            </Table>
          </Box>
        )}
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{t("close", { ns: "components" })}</Button>
      </DialogActions>
    </Dialog>
  );
}

function Line({ of: change }: { of: Change }) {
  const { t } = useTranslation("admin");
  const strong = change.kind === "same" ? 400 : 650;
  return (
    <TableRow>
      <TableCell component="th" scope="row">
        {change.name || t("audit.whole")}
      </TableCell>
      <TableCell sx={{ overflowWrap: "anywhere" }}>
        {change.before === null ? (
          <em>{t("audit.nothing")}</em>
        ) : change.kind === "same" ? (
          change.before
        ) : (
          <del>{change.before}</del>
        )}
      </TableCell>
      <TableCell sx={{ overflowWrap: "anywhere", fontWeight: strong }}>
        {change.after ?? <em>{t("audit.nothing")}</em>}
      </TableCell>
    </TableRow>
  );
}
