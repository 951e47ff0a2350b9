import Box from "@mui/material/Box";
import type { ReactNode } from "react";

/** Fields side by side, as many as there is room for. */
export function Grid({ children, least = 170 }: { children: ReactNode; least?: number }) {
  return (
    <Box
      sx={{
        display: "grid",
        columnGap: 1.5,
        rowGap: 1,
        pt: 1,
        gridTemplateColumns: `repeat(auto-fill, minmax(min(${least}px, 100%), 1fr))`,
      }}
    >
      {children}
    </Box>
  );
}
