/** From seconds to places of a waterfall, in percent of its width. */
export interface Stage {
  name: string;
  start_s: number;
  seconds: number;
}

export interface Bar extends Stage {
  left: number;
  width: number;
}

const TRAINING = "training";
/** A stage that is shorter is still to be seen. */
const THINNEST = 0.15;

/** When the last of the ranks began to train: what is before that is the start-up. */
export function startUp(ranks: readonly { stages: readonly Stage[] }[], whole: number): number {
  const ends = ranks.map(({ stages }) => stages.find((one) => one.name === TRAINING)?.start_s ?? whole);
  return Math.max(0, ...ends) || whole;
}

export function bars(stages: readonly Stage[], until: number): Bar[] {
  if (!(until > 0)) return [];
  return stages
    .filter((one) => one.start_s < until && one.seconds > 0)
    .map((one) => {
      const left = (100 * one.start_s) / until;
      const width = Math.min((100 * one.seconds) / until, 100 - left);
      return { ...one, left, width: Math.max(width, THINNEST) };
    });
}

/** About five round places on an axis that ends at `until`. */
export function ticks(until: number): number[] {
  if (!(until > 0)) return [];
  const rough = until / 5;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((by) => by * size).find((one) => one >= rough)!;
  return Array.from({ length: Math.floor(until / step) + 1 }, (_, at) => at * step);
}
