import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";

/** Names and values, as a description list; what is null or undefined is left out. */
export function Facts({ of, columns = 1 }: { of: [name: string, value: ReactNode][]; columns?: number }) {
  const shown = of.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return (
    <Box
      component="dl"
      sx={{
        m: 0,
        display: "grid",
        gap: 1,
        gridTemplateColumns: { xs: "1fr", sm: `repeat(${columns}, minmax(0, 1fr))` },
      }}
    >
      {shown.map(([name, value]) => (
        <Box key={name} sx={{ minWidth: 0 }}>
          <Typography component="dt" variant="caption" color="textSecondary">
            {name}
          </Typography>
          <Typography component="dd" variant="body2" sx={{ m: 0 }}>
            {value}
          </Typography>
        </Box>
      ))}
    </Box>
  );
}
