import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useSeriesColors } from "@/components/charts/LineChart";
import { figure } from "@/lib/format";
import { SERIES_DARK } from "@/theme";
import type { Axis } from "../axes";
import type { Objective } from "../values";
import { colorOf } from "./ramp";

/** Which colour is which value. */
export function Scale({ axis, objective }: { axis: Axis; objective: Objective | undefined }) {
  const dark = useSeriesColors() === SERIES_DARK;
  const up = objective?.direction !== "minimize";
  const [left, right] = [colorOf(up ? 0 : 1, dark), colorOf(up ? 1 : 0, dark)];
  return (
    <Stack direction="row" spacing={1} sx={{ alignItems: "center" }}>
      <Typography variant="caption">
        {axis.label} {figure(axis.low)}
      </Typography>
      <Box
        aria-hidden
        sx={{
          width: 96,
          height: 12,
          borderRadius: 1,
          background: `linear-gradient(to right, ${left}, ${right})`,
        }}
      />
      <Typography variant="caption">{figure(axis.high)}</Typography>
    </Stack>
  );
}
