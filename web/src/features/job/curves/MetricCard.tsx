import { mdiArrowCollapse, mdiArrowExpand, mdiPin, mdiPinOutline } from "@mdi/js";
import Box from "@mui/material/Box";
import IconButton from "@mui/material/IconButton";
import Paper from "@mui/material/Paper";
import Typography from "@mui/material/Typography";
import { memo, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "@/components";
import { type Range } from "./lines";
import { MetricChart } from "./MetricChart";
import type { Look } from "./settings";
import type { Metrics } from "./useMetrics";

interface Props {
  name: string;
  metrics: Metrics;
  ranks: number[];
  look: Look;
  range: Range | null;
  onZoom: (range: Range | null) => void;
  onPin: (name: string) => void;
}

const NEAR = "200px";
const [SMALL, LARGE] = [190, 420];
const LEGEND = 34;

/** A metric's place on the page; its chart is there only while it is seen. */
export const MetricCard = memo(function MetricCard({ onPin, ...props }: Props) {
  const { t } = useTranslation("job");
  const { name, look } = props;
  const [frame, seen] = useSeen<HTMLDivElement>();
  const [large, setLarge] = useState(false);
  const isPinned = look.pinned.includes(name);
  const height = large ? LARGE : SMALL;
  return (
    <Paper
      ref={frame}
      sx={{
        p: 1,
        minWidth: 0,
        gridColumn: large ? "1 / -1" : undefined,
        display: "flex",
        flexDirection: "column",
      }}
    >
      <Box sx={{ display: "flex", alignItems: "center", minHeight: 32 }}>
        <Typography
          variant="h3"
          noWrap
          title={name}
          sx={{ flex: 1, minWidth: 0, fontSize: "0.9rem", px: 0.5 }}
        >
          {name}
        </Typography>
        <IconButton
          size="small"
          aria-label={t(isPinned ? "curves.unpin" : "curves.pin", { name })}
          aria-pressed={isPinned}
          onClick={() => onPin(name)}
        >
          <Icon path={isPinned ? mdiPin : mdiPinOutline} fontSize="small" />
        </IconButton>
        <IconButton
          size="small"
          aria-label={t(large ? "curves.smaller" : "curves.larger", { name })}
          onClick={() => setLarge(!large)}
        >
          <Icon path={large ? mdiArrowCollapse : mdiArrowExpand} fontSize="small" />
        </IconButton>
      </Box>
      <Box sx={{ minHeight: height + LEGEND }}>{seen && <MetricChart {...props} height={height} />}</Box>
    </Paper>
  );
});

function useSeen<Element extends HTMLElement>(): [React.RefObject<Element | null>, boolean] {
  const frame = useRef<Element>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (frame.current === null) return;
    const watch = new IntersectionObserver((entries) => setSeen(entries.at(-1)?.isIntersecting ?? false), {
      rootMargin: NEAR,
    });
    watch.observe(frame.current);
    return () => watch.disconnect();
  }, []);
  return [frame, seen];
}
