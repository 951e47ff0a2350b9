import Box from "@mui/material/Box";
import { useSeriesColors } from "@/components/charts/LineChart";

/** How the line of the job at this place looks: dashed from where the colours come again. */
export function useLook(): (at: number) => { color: string; dashed: boolean } {
  const colors = useSeriesColors();
  return (at) => ({ color: colors[at % colors.length]!, dashed: Math.floor(at / colors.length) % 2 === 1 });
}

export function Mark({ at }: { at: number }) {
  const { color, dashed } = useLook()(at);
  return (
    <Box
      aria-hidden
      component="span"
      sx={{ width: 18, flexShrink: 0, borderTop: `3px ${dashed ? "dashed" : "solid"} ${color}` }}
    />
  );
}
