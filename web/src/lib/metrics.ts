/** What the names of metrics tell: which of a job's is looked at first, and which way is better. */

type Metrics = Readonly<Record<string, number | null>>;

interface Measured {
  metrics: Metrics;
  spec: Readonly<Record<string, unknown>>;
}

const LOWER =
  /(^|[/_.-])(loss|error|err|mae|mse|rmse|mape|perplexity|ppl|deviance|inertia|distance)($|[/_.-])/i;
const FIRST = ["accuracy", "r2", "f1_macro", "f1", "roc_auc", "silhouette", "rmse", "mae"];
const KINDS = [/^(test|eval)[/_.]/i, /^val(idation)?[/_.]/i, /^(best_)?cv_/i, /^train(ing)?[/_.]/i];

export function lowerIsBetter(name: string): boolean {
  return LOWER.test(name);
}

/** The one that the job file names for its checkpoints or its search, else the most telling of those that there are. */
export function mainMetric({ metrics, spec }: Measured): { name: string; value: number } | null {
  const names = [
    named(spec.tune, "metric"),
    named(spec.checkpoint, "metric"),
    ...FIRST,
    ...KINDS.map((kind) => Object.keys(metrics).find((name) => kind.test(name))),
    ...Object.keys(metrics),
  ];
  for (const name of names) {
    const value = name === undefined ? undefined : metrics[name];
    if (name !== undefined && typeof value === "number") return { name, value };
  }
  return null;
}

function named(part: unknown, field: string): string | undefined {
  if (typeof part !== "object" || part === null) return undefined;
  const value = (part as Record<string, unknown>)[field];
  return typeof value === "string" ? value : undefined;
}
