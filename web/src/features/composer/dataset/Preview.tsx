import Box from "@mui/material/Box";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { figure, number, percent } from "@/lib/format";
import { useFirstRows, type Version } from "../queries";
import { wrongAt } from "../spec/spec";
import { useBoard } from "../state";
import { type ColumnProfile, profileOf } from "./profile";

const MOST_COLUMNS = 30;
const MOST_SHOWN_ROWS_COLUMNS = 12;
const CELL = 40;
/** Words stay whole: what is too wide scrolls inside. */
const FRAME = { overflow: "auto", "& td, & th": { whiteSpace: "nowrap" } };

interface Props {
  version: Version;
  target: string;
  workspace: string;
  onTarget: (column: string | undefined) => void;
}

/** A dataset as it will be learned from: its columns, their values, and which of them is predicted. */
export function Preview({ version, target, workspace, onTarget }: Props) {
  const { t } = useTranslation("composer");
  const { refused } = useBoard();
  const [search, setSearch] = useState("");
  const matches = version.columns.filter((one) =>
    one.name.toLowerCase().includes(search.trim().toLowerCase()),
  );
  const goal = target || version.target;
  const wrong = wrongAt(refused, ["target_column"]);
  return (
    <Box sx={{ mt: 1.5 }}>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1.5 }}>
        {t("preview.size", {
          rows: number(version.rows),
          columns: number(version.columns.length),
          version: version.version,
        })}
      </Typography>
      <Box sx={{ display: "flex", gap: 1.5, flexWrap: "wrap" }}>
        <TextField
          select
          label={t("field.target_column")}
          value={target}
          error={wrong !== undefined}
          helperText={wrong ?? t("hint.target_column")}
          onChange={(event) => onTarget(event.target.value || undefined)}
          slotProps={{ select: { native: true }, inputLabel: { shrink: true } }}
          sx={{ minWidth: 220 }}
        >
          <option value="">
            {version.target ? t("usual", { value: version.target }) : t("preview.detected")}
          </option>
          {version.columns.map((one) => (
            <option key={one.name} value={one.name}>
              {one.name}
            </option>
          ))}
          {target && !version.columns.some((one) => one.name === target) && (
            <option value={target}>{target}</option>
          )}
        </TextField>
        {version.columns.length > MOST_COLUMNS && (
          <TextField
            type="search"
            label={t("preview.search")}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        )}
      </Box>
      <Box role="region" tabIndex={0} aria-label={t("preview.columns")} sx={{ ...FRAME, maxHeight: 320 }}>
        <Table stickyHeader>
          <TableHead>
            <TableRow>
              {["column", "type", "missing", "unique", "values"].map((head) => (
                <TableCell
                  key={head}
                  sx={{ whiteSpace: "nowrap" }}
                  align={head === "missing" || head === "unique" ? "right" : "left"}
                >
                  {t(`preview.${head}`)}
                </TableCell>
              ))}
            </TableRow>
          </TableHead>
          <TableBody>
            {matches.slice(0, MOST_COLUMNS).map((one) => (
              <TableRow key={one.name}>
                <TableCell component="th" scope="row">
                  {one.name}
                  {one.name === goal && (
                    <Typography component="span" variant="caption" color="primary">
                      {" "}
                      {t("preview.target")}
                    </Typography>
                  )}
                </TableCell>
                <TableCell sx={{ whiteSpace: "nowrap" }}>
                  {t(`type.${one.type}`, { defaultValue: one.type })}
                </TableCell>
                <TableCell align="right">
                  {one.missing ? percent(one.missing / Math.max(version.rows, 1), 1) : "0"}
                </TableCell>
                <TableCell align="right">{number(one.unique)}</TableCell>
                <TableCell>
                  <Values of={profileOf(version.profile, one.name)} name={one.name} />
                </TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </Box>
      {matches.length > MOST_COLUMNS && (
        <Typography variant="body2" color="textSecondary">
          {t("preview.more", { count: matches.length - MOST_COLUMNS })}
        </Typography>
      )}
      <FirstRows version={version} workspace={workspace} />
    </Box>
  );
}

function Values({ of, name }: { of: ColumnProfile; name: string }) {
  const { t } = useTranslation("composer");
  const most = Math.max(...of.counts, 1);
  const range =
    of.low === undefined
      ? ""
      : t("preview.range", { low: figure(of.low), high: figure(of.high), mean: figure(of.mean) });
  if (of.counts.length === 0) {
    return of.top.map((one) => `${one.value} (${number(one.count)})`).join(", ") || range || "–";
  }
  return (
    <Box
      component="svg"
      role="img"
      aria-label={t("preview.histogram", { name, range })}
      viewBox={`0 0 ${of.counts.length * 6} 24`}
      preserveAspectRatio="none"
      sx={{ width: 120, height: 24, display: "block", fill: "currentColor", color: "primary.main" }}
    >
      <title>{range}</title>
      {of.counts.map((count, at) => (
        <rect key={at} x={at * 6} width={5} y={24 - (24 * count) / most} height={(24 * count) / most} />
      ))}
    </Box>
  );
}

function FirstRows({ version, workspace }: { version: Version; workspace: string }) {
  const { t } = useTranslation("composer");
  const { data } = useFirstRows(version, workspace);
  if (!data || data.rows.length === 0) return null;
  const columns = data.columns.slice(0, MOST_SHOWN_ROWS_COLUMNS);
  return (
    <>
      <Typography variant="h3" sx={{ mt: 2, mb: 0.5 }}>
        {t("preview.rows")}
      </Typography>
      <Box role="region" tabIndex={0} aria-label={t("preview.rows")} sx={FRAME}>
        <Table>
          <TableHead>
            <TableRow>
              {columns.map((name) => (
                <TableCell key={name}>{name}</TableCell>
              ))}
            </TableRow>
          </TableHead>
          <TableBody>
            {data.rows.map((row, at) => (
              <TableRow key={at}>
                {columns.map((name, column) => (
                  <TableCell key={name}>{cell(row[column])}</TableCell>
                ))}
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </Box>
    </>
  );
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "–";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > CELL ? `${text.slice(0, CELL)}…` : text;
}
