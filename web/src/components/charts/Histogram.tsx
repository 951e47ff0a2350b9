import Box from "@mui/material/Box";
import { useTranslation } from "react-i18next";
import { number } from "@/lib/format";
import { type Binned, edgeText, placeOf } from "./bins";

interface Props {
  /** What it shows, for people who do not see it. */
  label: string;
  of: Binned;
  height?: number;
  /** Of the axis, where several are to be compared. */
  range?: [low: number, high: number];
  /** The ends below the bars. */
  ends?: boolean;
  second?: boolean;
}

/** Bars from edge to edge, as an SVG of a few elements: a thousand of them are cheap. */
export function Histogram({ label, of, height = 30, range, ends = false, second = false }: Props) {
  const { t } = useTranslation("components");
  const places = of.edges.map(placeOf);
  const [low, high] = range ?? [places[0] ?? 0, places.at(-1) ?? 1];
  const width = high - low || 1;
  const most = Math.max(...of.counts, 1);
  const at = (place: number) => ((place - low) / width) * 100;
  const peak = of.counts.indexOf(most);
  const said = t("histogram", {
    label,
    low: edgeText(of.edges[0] ?? 0),
    high: edgeText(of.edges.at(-1) ?? 0),
    from: edgeText(of.edges[peak] ?? 0),
    to: edgeText(of.edges[peak + 1] ?? 0),
    count: most,
  });
  return (
    <Box sx={{ width: "100%", color: second ? "secondary.main" : "primary.main" }}>
      <svg
        role="img"
        aria-label={said}
        viewBox={`0 0 100 ${height}`}
        preserveAspectRatio="none"
        width="100%"
        height={height}
        style={{ display: "block" }}
      >
        {of.counts.map((count, bin) => {
          const [from, to] = [at(places[bin]!), at(places[bin + 1]!)];
          const tall = count === 0 ? 0 : Math.max((count / most) * (height - 1), 1);
          return (
            <rect
              key={bin}
              x={from}
              y={height - tall}
              width={Math.max(to - from - 0.4, 0.2)}
              height={tall}
              fill="currentColor"
            >
              {ends && (
                <title>{`${edgeText(of.edges[bin]!)} – ${edgeText(of.edges[bin + 1]!)}: ${number(count)}`}</title>
              )}
            </rect>
          );
        })}
      </svg>
      {ends && (
        <Box
          aria-hidden
          sx={{
            display: "flex",
            justifyContent: "space-between",
            borderTop: 1,
            borderColor: "divider",
            typography: "caption",
            color: "text.secondary",
          }}
        >
          <span>{edgeText(of.edges[0] ?? 0)}</span>
          <span>{edgeText(of.edges.at(-1) ?? 0)}</span>
        </Box>
      )}
    </Box>
  );
}
