/** The colours of a terminal (ECMA-48, "select graphic rendition"), as pieces of text.  Text stays text. */
export interface Style {
  color?: Color;
  bold?: boolean;
  faint?: boolean;
  italic?: boolean;
  underlined?: boolean;
}

export interface Span extends Style {
  text: string;
}

export type Color = "grey" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "plain";
const COLORS: Color[] = ["grey", "red", "green", "yellow", "blue", "magenta", "cyan", "plain"];

// Sequences that begin with ESC [ and with ESC ], any other of two characters, and what is no text either.
const SEQUENCE =
  // eslint-disable-next-line no-control-regex
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g;

export function plain(raw: string): string {
  return raw.replace(SEQUENCE, "");
}

export function spans(raw: string): Span[] {
  const found: Span[] = [];
  let style: Style = {};
  let from = 0;
  const take = (text: string) => text && found.push({ text, ...style });
  for (const one of raw.matchAll(SEQUENCE)) {
    take(raw.slice(from, one.index));
    from = one.index + one[0].length;
    if (one[2] === "m") style = styled(style, one[1] ?? "");
  }
  take(raw.slice(from));
  return found;
}

function styled(before: Style, codes: string): Style {
  let style = { ...before };
  const numbers = codes.split(/[;:]/).map(Number);
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at]!;
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 2) style.faint = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underlined = true;
    else if (code === 22) style.bold = style.faint = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underlined = false;
    else if (code === 39) delete style.color;
    else if (code >= 30 && code <= 37) style.color = COLORS[code - 30]!;
    else if (code >= 90 && code <= 97) style.color = COLORS[code - 90]!;
    else if (code === 38 || code === 48) {
      const [color, taken] = extended(numbers.slice(at + 1));
      if (code === 38) style.color = color;
      at += taken;
    }
  }
  return style;
}

/** One of 256 colours or of all, as the nearest of those that can be read on this page; and how many numbers it took. */
function extended([kind, ...rest]: number[]): [Color, number] {
  if (kind === 5) {
    const index = rest[0] ?? 0;
    if (index < 16) return [COLORS[index % 8]!, 2];
    if (index >= 232) return [index < 244 ? "grey" : "plain", 2];
    const cube = index - 16;
    return [nearest(Math.floor(cube / 36) / 5, (Math.floor(cube / 6) % 6) / 5, (cube % 6) / 5), 2];
  }
  if (kind === 2) return [nearest((rest[0] ?? 0) / 255, (rest[1] ?? 0) / 255, (rest[2] ?? 0) / 255), 4];
  return ["plain", 1];
}

function nearest(red: number, green: number, blue: number): Color {
  const most = Math.max(red, green, blue);
  if (most - Math.min(red, green, blue) < 0.2) return most < 0.6 ? "grey" : "plain";
  const half = most * 0.6;
  return COLORS[(red > half ? 1 : 0) + (green > half ? 2 : 0) + (blue > half ? 4 : 0)]!;
}

/** The spans cut where a text stands in them, upper or lower case: those parts are marked. */
export function marked(of: readonly Span[], wanted: string): (Span & { hit?: boolean })[] {
  if (!wanted) return [...of];
  const whole = of
    .map((span) => span.text)
    .join("")
    .toLowerCase();
  const lower = wanted.toLowerCase();
  const cuts: [number, number][] = [];
  for (let at = whole.indexOf(lower); at >= 0; at = whole.indexOf(lower, at + lower.length))
    cuts.push([at, at + lower.length]);
  let start = 0;
  return of.flatMap((span) => {
    const [from, to] = [start, (start += span.text.length)];
    const bounds = new Set([from, to]);
    for (const bound of cuts.flat()) if (bound > from && bound < to) bounds.add(bound);
    const edges = [...bounds].sort((a, b) => a - b);
    return edges.slice(0, -1).map((edge, at) => ({
      ...span,
      text: span.text.slice(edge - from, edges[at + 1]! - from),
      hit: cuts.some(([begin, end]) => edge >= begin && edge < end),
    }));
  });
}
