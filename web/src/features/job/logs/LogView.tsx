import Box from "@mui/material/Box";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useRef } from "react";
import { timeOfDay } from "@/lib/format";
import { type Color, marked, type Span, spans } from "./ansi";
import type { Line } from "./lines";

const ROW = 20;
const NEAR = 40;
/** Of the theme: each can be read on its paper, light and dark. */
const COLORS: Record<Color, string> = {
  grey: "text.secondary",
  red: "error.main",
  green: "success.main",
  yellow: "warning.main",
  blue: "primary.main",
  magenta: "secondary.main",
  cyan: "info.main",
  plain: "text.primary",
};

interface Props {
  label: string;
  lines: readonly Line[];
  version: number;
  wrap: boolean;
  times: boolean;
  ranks: boolean;
  wanted: string;
  /** The place of the line to be looked at. */
  current: number | null;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  height: string;
}

/** Lines of a log; only those that are seen are there. */
export function LogView(props: Props) {
  const { label, lines, version, wrap, times, ranks, wanted, current, follow, onFollow, height } = props;
  const frame = useRef<HTMLDivElement>(null);
  const before = useRef(0);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    overscan: 20,
  });
  useEffect(() => {
    if (follow && lines.length) virtual.scrollToIndex(lines.length - 1, { align: "end" });
  }, [follow, lines.length, version, wrap, virtual]);
  useEffect(() => {
    if (current !== null) virtual.scrollToIndex(current, { align: "center" });
  }, [current, virtual]);
  useEffect(() => virtual.measure(), [wrap, times, ranks, virtual]);
  const scrolled = () => {
    const box = frame.current;
    if (box === null) return;
    const end = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    // Only a person goes up; lines that come go down.
    if (follow && !end && box.scrollTop < before.current) onFollow(false);
    before.current = box.scrollTop;
  };
  return (
    <Box
      ref={frame}
      role="region"
      aria-label={label}
      tabIndex={0}
      onScroll={scrolled}
      sx={{
        height,
        overflow: "auto",
        overflowAnchor: "none",
        bgcolor: "background.paper",
        fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace",
        fontSize: "0.8125rem",
        lineHeight: `${ROW}px`,
        contain: "strict",
      }}
    >
      <Box
        sx={{ position: "relative", minWidth: wrap ? 0 : "max-content" }}
        style={{ height: virtual.getTotalSize() }}
      >
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index];
          if (!line) return null;
          return (
            <Box
              key={item.key}
              ref={wrap ? virtual.measureElement : undefined}
              data-index={item.index}
              sx={{
                position: "absolute",
                insetInline: wrap ? 0 : undefined,
                minHeight: ROW,
                px: 1,
                whiteSpace: wrap ? "pre-wrap" : "pre",
                overflowWrap: wrap ? "anywhere" : "normal",
                minWidth: "100%",
                bgcolor: item.index === current ? "action.selected" : undefined,
              }}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              {times && <Margin>{timeOfDay(line.at)} </Margin>}
              {ranks && <Margin>[{line.rank}] </Margin>}
              <Text raw={line.raw} wanted={wanted} />
            </Box>
          );
        })}
      </Box>
    </Box>
  );
}

function Margin({ children }: { children: React.ReactNode }) {
  return (
    <Box component="span" sx={{ color: "text.secondary", userSelect: "none" }}>
      {children}
    </Box>
  );
}

const Text = memo(function Text({ raw, wanted }: { raw: string; wanted: string }) {
  if (!wanted && !raw.includes("\x1b")) return raw;
  return marked(spans(raw), wanted).map((span, at) => <Part key={at} span={span} />);
});

function Part({ span }: { span: Span & { hit?: boolean } }) {
  const { text, color, bold, faint, italic, underlined, hit } = span;
  if (!color && !bold && !faint && !italic && !underlined && !hit) return text;
  return (
    <Box
      component={hit ? "mark" : "span"}
      sx={{
        color: hit ? "#171b21" : faint ? "text.secondary" : color && COLORS[color],
        bgcolor: hit ? "#ffd54f" : undefined,
        fontWeight: bold ? 700 : undefined,
        fontStyle: italic ? "italic" : undefined,
        textDecoration: underlined ? "underline" : undefined,
      }}
    >
      {text}
    </Box>
  );
}
