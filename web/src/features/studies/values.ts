import type { Schemas } from "@/lib/api";
import { figure } from "@/lib/format";

export type Study = Schemas["StudyRead"];
export type Trial = Schemas["TrialRead"];

export interface Objective {
  metric: string;
  direction: "minimize" | "maximize";
}

export function objectivesOf(study: Pick<Study, "objective">): Objective[] {
  return study.objective.map((one) => ({
    metric: typeof one.metric === "string" ? one.metric : "",
    direction: one.direction === "minimize" ? "minimize" : "maximize",
  }));
}

/** A trial's value of one objective; null: none yet, or none at all. */
export function valueOf(trial: Trial, objective = 0): number | null {
  return trial.values?.[objective] ?? (objective === 0 ? trial.value : null);
}

/** A hyperparameter's value in few letters. */
export function shown(value: unknown): string {
  if (typeof value === "number") return figure(value);
  if (typeof value === "string") return value;
  if (value === undefined) return "–";
  return JSON.stringify(value);
}

export function hasEnded(study: Pick<Study, "status">): boolean {
  return ["completed", "failed", "cancelled"].includes(study.status);
}
