import Box from "@mui/material/Box";
import Paper from "@mui/material/Paper";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { type ReactNode, useId } from "react";

interface Props {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
  /** Without space around what is in it: for tables. */
  flush?: boolean;
}

/** A part of a page with a heading of its own. */
export function Panel({ title, actions, children, flush = false }: Props) {
  const id = useId();
  return (
    <Paper
      component="section"
      aria-labelledby={id}
      sx={{ minWidth: 0, display: "flex", flexDirection: "column" }}
    >
      <Stack
        direction="row"
        useFlexGap
        sx={{
          px: 2,
          pt: 1.5,
          pb: 1,
          gap: 1,
          flexWrap: "wrap",
          alignItems: "center",
          justifyContent: "space-between",
        }}
      >
        <Typography variant="h2" id={id}>
          {title}
        </Typography>
        {actions}
      </Stack>
      <Box sx={{ ...(flush ? {} : { px: 2, pb: 2 }), minWidth: 0, flex: 1 }}>{children}</Box>
    </Paper>
  );
}
