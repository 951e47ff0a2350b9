import type { Schemas } from "@/lib/api";
import type { Trial } from "./values";

export type Course = Schemas["JobSeries"];

/** As many as the API compares in one request. */
export const MOST_COURSES = 20;

/** Trials whose courses are worth a look: those that run, the best, the pruned ones, then the latest. */
export function watched(trials: readonly Trial[], best: readonly Trial[]): Trial[] {
  const top = new Set(best.map((one) => one.number));
  const rank = (trial: Trial) =>
    trial.state === "running" ? 0 : top.has(trial.number) ? 1 : trial.state === "pruned" ? 2 : 3;
  return trials
    .filter((trial) => trial.job_id !== null && ["running", "completed", "pruned"].includes(trial.state))
    .sort((one, other) => rank(one) - rank(other) || other.number - one.number)
    .slice(0, MOST_COURSES)
    .sort((one, other) => one.number - other.number);
}

/** Courses over the steps that any of them has. */
export function together(courses: readonly Course[]): { x: number[]; values: (number | null)[][] } {
  const steps = new Set<number>();
  for (const course of courses)
    for (const point of course.points) if (typeof point.step === "number") steps.add(point.step);
  const x = [...steps].sort((one, other) => one - other);
  const values = courses.map((course) => {
    const known = new Map(course.points.map((point) => [point.step, point.value]));
    return x.map((step) => finite(known.get(step)));
  });
  return { x, values };
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
