import Box from "@mui/material/Box";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import { number, percent } from "@/lib/format";
import { type Loose, num, numbers, shown } from "../shape";

const MOST_CLASSES = 40;

/** Truth against prediction, as a table whose cells are the darker the more of a row's truth they hold. */
export function Confusion({ labels, counts }: { labels: string[]; counts: unknown[] }) {
  const { t } = useTranslation("job");
  if (labels.length === 0 || counts.length !== labels.length || labels.length > MOST_CLASSES) return null;
  return (
    <Panel title={t("results.confusion")}>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
        {t("results.confusionWhat")}
      </Typography>
      <Box sx={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("results.confusion")}>
        <Table sx={{ width: "auto", "& td, & th": { px: 1, py: 0.5, border: 0, textAlign: "center" } }}>
          <TableHead>
            <TableRow>
              <TableCell>{t("results.truth")}</TableCell>
              {labels.map((label) => (
                <TableCell key={label} sx={{ maxWidth: 120 }}>
                  {label}
                </TableCell>
              ))}
            </TableRow>
          </TableHead>
          <TableBody>
            {labels.map((label, row) => {
              const line = numbers(counts[row]);
              const whole = line.reduce((sum, count) => sum + (count || 0), 0) || 1;
              return (
                <TableRow key={label}>
                  <TableCell component="th" scope="row">
                    {label}
                  </TableCell>
                  {labels.map((of, column) => (
                    <Cell key={of} count={line[column] ?? NaN} share={(line[column] ?? 0) / whole} />
                  ))}
                </TableRow>
              );
            })}
          </TableBody>
        </Table>
      </Box>
    </Panel>
  );
}

/** The colour is mixed so far only that the text of the theme can be read on it. */
function Cell({ count, share }: { count: number; share: number }) {
  return (
    <TableCell
      title={percent(share, 1)}
      sx={{
        fontVariantNumeric: "tabular-nums",
        bgcolor: `color-mix(in srgb, var(--mui-palette-primary-main) ${Math.round(share * 45)}%, var(--mui-palette-background-paper))`,
      }}
    >
      {number(count)}
    </TableCell>
  );
}

export function PerClass({ rows }: { rows: Loose[] }) {
  const { t } = useTranslation("job");
  if (rows.length === 0 || rows.length > 200) return null;
  const figures = ["precision", "recall", "f1", "support"].filter((name) => name in rows[0]!);
  return (
    <Panel title={t("results.perClass")}>
      <Box sx={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("results.perClass")}>
        <Table>
          <TableHead>
            <TableRow>
              <TableCell>{t("results.class")}</TableCell>
              {figures.map((name) => (
                <TableCell key={name} align="right">
                  {t(`results.figures.${name}`)}
                </TableCell>
              ))}
            </TableRow>
          </TableHead>
          <TableBody>
            {rows.map((row, at) => (
              <TableRow key={at}>
                <TableCell component="th" scope="row">
                  {shown(row.class)}
                </TableCell>
                {figures.map((name) => (
                  <TableCell key={name} align="right">
                    {number(num(row[name]), 4)}
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
