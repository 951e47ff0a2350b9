import Box from "@mui/material/Box";
import type { ReactNode } from "react";
import type { Compared } from "./ComparePage";
import { Mark } from "./Mark";

interface Props {
  label: string;
  /** What the first column is. */
  head: string;
  compared: Compared[];
  rows: { name: string; beside?: ReactNode; cells: ReactNode[] }[];
}

const edge = { borderBottom: 1, borderColor: "divider" } as const;

/** A row for each name, a column for each job; the names stay while one scrolls sideways. */
export function Grid({ label, head, compared, rows }: Props) {
  const first = {
    ...edge,
    position: "sticky",
    left: 0,
    bgcolor: "background.paper",
    textAlign: "left",
    fontWeight: 500,
    minWidth: 130,
    maxWidth: { xs: 150, md: 320 },
    p: 1,
    pl: 2,
    zIndex: 1,
  } as const;
  return (
    // A scrolling region has to be reached by keyboard.
    <Box role="region" aria-label={label} tabIndex={0} sx={{ overflow: "auto", maxHeight: 560 }}>
      <Box component="table" sx={{ borderCollapse: "separate", borderSpacing: 0, fontSize: "0.875rem" }}>
        <thead>
          <tr>
            <Box component="th" scope="col" sx={{ ...first, top: 0, zIndex: 2 }}>
              {head}
            </Box>
            {compared.map(({ job, label: name, at }) => (
              <Box
                key={job.job_id}
                component="th"
                scope="col"
                sx={{
                  ...edge,
                  position: "sticky",
                  top: 0,
                  bgcolor: "background.paper",
                  p: 1,
                  textAlign: "left",
                }}
              >
                <Box sx={{ display: "flex", gap: 1, alignItems: "center", minWidth: 110 }}>
                  <Mark at={at} />
                  {name}
                </Box>
              </Box>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <Box component="th" scope="row" sx={first}>
                {row.name}
                {row.beside}
              </Box>
              {row.cells.map((cell, at) => (
                <Box
                  key={at}
                  component="td"
                  sx={{ ...edge, p: 1, maxWidth: 340, overflowWrap: "anywhere", verticalAlign: "top" }}
                >
                  {cell}
                </Box>
              ))}
            </tr>
          ))}
        </tbody>
      </Box>
    </Box>
  );
}
