import { mdiChevronLeft, mdiChevronRight } from "@mdi/js";
import Box from "@mui/material/Box";
import IconButton from "@mui/material/IconButton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon, Panel, Query } from "@/components";
import { bytes, number } from "@/lib/format";
import { ROWS, useRows, type Version } from "./queries";

/** Rows as they stand in the file, some at a time. */
export function RowsView({ version, workspace }: { version: Version; workspace: string }) {
  const { t } = useTranslation("datasets");
  const [offset, setOffset] = useState(0);
  const rows = useRows(version.name, version.version, workspace, offset);
  const last = Math.min(offset + ROWS, version.rows);
  const label = t("table.label", {
    from: number(offset + 1),
    to: number(last),
    total: number(version.rows),
  });
  const pager = (
    <div>
      <IconButton
        aria-label={t("table.previous")}
        disabled={offset === 0}
        onClick={() => setOffset(Math.max(0, offset - ROWS))}
      >
        <Icon path={mdiChevronLeft} />
      </IconButton>
      <IconButton
        aria-label={t("table.next")}
        disabled={last >= version.rows}
        onClick={() => setOffset(offset + ROWS)}
      >
        <Icon path={mdiChevronRight} />
      </IconButton>
    </div>
  );
  return (
    <Panel title={label} actions={pager} flush>
      <Query of={rows} height={600}>
        {(found) => (
          <>
            {found.columns.length < version.columns.length && (
              <Typography variant="body2" color="textSecondary" sx={{ px: 2 }}>
                {t("table.first", { count: found.columns.length })}
              </Typography>
            )}
            <Box sx={{ overflow: "auto", maxHeight: 620 }} tabIndex={0} role="region" aria-label={label}>
              <Table stickyHeader sx={{ "& td, & th": { whiteSpace: "nowrap", maxWidth: 320 } }}>
                <TableHead>
                  <TableRow>
                    {found.columns.map((name) => (
                      <TableCell key={name} sx={{ fontWeight: 600 }}>
                        {name}
                      </TableCell>
                    ))}
                  </TableRow>
                </TableHead>
                <TableBody>
                  {found.rows.map((row, at) => (
                    <TableRow key={at}>
                      {row.map((value, column) => (
                        <TableCell key={column} sx={{ overflow: "hidden", textOverflow: "ellipsis" }}>
                          <Cell value={value} />
                        </TableCell>
                      ))}
                    </TableRow>
                  ))}
                </TableBody>
              </Table>
            </Box>
          </>
        )}
      </Query>
    </Panel>
  );
}

function Cell({ value }: { value: unknown }) {
  const { t } = useTranslation("datasets");
  if (value === null || value === undefined) return <>–</>;
  if (typeof value === "object" && "bytes" in value)
    return <em>{t("table.bytes", { size: bytes(Number(value.bytes)) })}</em>;
  // eslint-disable-next-line @typescript-eslint/no-base-to-string
  return <>{typeof value === "object" ? JSON.stringify(value) : String(value)}</>;
}
