/** Colours of values: faint for the worst, strong for the best, on a light page and on a dark one. */
type Rgb = [number, number, number];

const LIGHT: [Rgb, Rgb] = [
  [196, 203, 213],
  [11, 60, 170],
];
const DARK: [Rgb, Rgb] = [
  [66, 76, 90],
  [150, 200, 255],
];

/** `goodness` from 0 to 1. */
export function colorOf(goodness: number, dark: boolean): string {
  const [from, to] = dark ? DARK : LIGHT;
  const share = Math.min(1, Math.max(0, goodness));
  const mixed = from.map((part, at) => Math.round(part + share * (to[at]! - part)));
  return `rgb(${mixed.join(" ")})`;
}
