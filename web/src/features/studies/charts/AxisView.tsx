import { memo, type PointerEvent, useRef } from "react";
import { figure } from "@/lib/format";
import { type Axis, position, ticksOf } from "../axes";
import { type Brush, brushBetween, marksOf } from "../brush";
import { shown } from "../values";

interface Props {
  axis: Axis;
  x: number;
  top: number;
  length: number;
  /** To the next axis. */
  gap: number;
  brush: Brush | undefined;
  onBrush: (id: string, brush: Brush | null) => void;
}

const HALF = 14;
const LEAST_PIXELS = 3;
const MOST_TICKS = 12;

function cut(text: string, width: number): string {
  const most = Math.max(4, Math.floor(width / 7.5));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** One axis with its ticks; dragging along it chooses a part, a click takes that back. */
export const AxisView = memo(function AxisView({ axis, x, top, length, gap, brush, onBrush }: Props) {
  const began = useRef<number | null>(null);
  const placeOf = (event: PointerEvent<SVGRectElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return 1 - (event.clientY - box.top - HALF) / length;
  };
  const drag = (event: PointerEvent<SVGRectElement>) => {
    if (began.current === null) return;
    const now = placeOf(event);
    if (Math.abs(now - began.current) * length < LEAST_PIXELS) return;
    onBrush(axis.id, brushBetween(axis, began.current, now));
  };
  const y = (place: number) => top + (1 - place) * length;
  const ticks = ticksOf(axis).slice(0, MOST_TICKS);
  const text = { fill: "var(--mui-palette-text-primary)", fontSize: 11, pointerEvents: "none" } as const;
  const halo = {
    stroke: "var(--mui-palette-background-paper)",
    strokeWidth: 3,
    paintOrder: "stroke",
  } as const;
  return (
    <g>
      <line x1={x} x2={x} y1={top} y2={top + length} stroke="var(--mui-palette-text-secondary)" />
      {ticks.map((tick) => (
        <text key={tick} x={x + 5} y={y(position(axis, tick)) + 4} {...text} {...halo}>
          {cut(axis.categories ? shown(axis.categories[tick]) : figure(tick), gap - 12)}
        </text>
      ))}
      <text x={x} y={16} textAnchor="middle" {...text} fontSize={12} fontWeight={600}>
        <title>{axis.label}</title>
        {cut(axis.label, gap - 14)}
      </text>
      {axis.log && (
        <text x={x} y={30} textAnchor="middle" {...text} fill="var(--mui-palette-text-secondary)">
          log
        </text>
      )}
      {marksOf(axis, brush).map(([low, high]) => (
        <rect
          key={low}
          x={x - 7}
          width={14}
          y={y(high)}
          height={Math.max(2, y(low) - y(high))}
          fill="var(--mui-palette-warning-main)"
          fillOpacity={0.35}
          stroke="var(--mui-palette-warning-main)"
        />
      ))}
      <rect
        data-axis={axis.label}
        x={x - HALF}
        width={2 * HALF}
        y={top - HALF}
        height={length + 2 * HALF}
        fill="transparent"
        style={{ cursor: "ns-resize", touchAction: "pan-x" }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          began.current = placeOf(event);
        }}
        onPointerMove={drag}
        onPointerUp={(event) => {
          const moved = began.current === null ? 0 : Math.abs(placeOf(event) - began.current) * length;
          if (moved < LEAST_PIXELS) onBrush(axis.id, null);
          began.current = null;
        }}
        onPointerCancel={() => (began.current = null)}
      />
    </g>
  );
});
