import type { Trial } from "./values";

export interface FailureGroup {
  /** What they have in common, with # where they differ. */
  pattern: string;
  /** In full, of the first of them. */
  example: string;
  trials: Trial[];
}

const LONGEST = 400;

/** The reason without what differs from trial to trial: ids, addresses, numbers. */
export function patternOf(reason: string): string {
  return reason
    .slice(0, LONGEST)
    .replace(/\b[jtw]-[0-9a-z]{8,}\b/g, "#")
    .replace(/\b0x[0-9a-f]+\b/gi, "#")
    .replace(/[-+]?\d+(\.\d+)?(e[-+]?\d+)?/gi, "#")
    .replace(/\s+/g, " ")
    .trim();
}

/** Failed trials by reason, the most frequent one first. */
export function groupReasons(trials: readonly Trial[]): FailureGroup[] {
  const groups = new Map<string, FailureGroup>();
  for (const trial of trials) {
    if (trial.state !== "failed") continue;
    const reason = trial.reason ?? "";
    const pattern = patternOf(reason);
    const group = groups.get(pattern) ?? { pattern, example: reason, trials: [] };
    group.trials.push(trial);
    groups.set(pattern, group);
  }
  return [...groups.values()].sort((one, other) => other.trials.length - one.trials.length);
}
