/** Asks the API for the courses of those metrics that are seen, several in one call. */
import { client, got } from "@/lib/api";
import type { ApiPoint } from "./points";
import type { MetricStore } from "./store";

export interface Series {
  name: string;
  points: ApiPoint[];
}

export type Ask = (rank: number, names: string[]) => Promise<Series[]>;

const TOGETHER_MS = 20;
const MOST_NAMES = 50;
/** Of each metric; more cannot be told apart on a chart of this size. */
const POINTS = 400;

export async function askSeries(
  job: string,
  rank: number,
  names: string[],
  points: number,
  steps?: readonly [number, number],
): Promise<Series[]> {
  const part = steps ? { from_step: steps[0], to_step: steps[1] } : {};
  const params = { path: { job_id: job }, query: { rank, name: names, points, ...part } };
  return (await got(client.GET("/api/v1/jobs/{job_id}/metrics", { params }))).items as Series[];
}

export const askCourses =
  (job: string): Ask =>
  (rank, names) =>
    askSeries(job, rank, names, POINTS);

export class Loader {
  private waiting = new Map<number, Set<string>>();
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly store: MetricStore,
    private readonly ask: Ask,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Each metric of each rank is asked for once; the stream tells the rest. */
  want(name: string, rank: number): void {
    if (!this.store.keep(name, rank)) return;
    this.waiting.set(rank, (this.waiting.get(rank) ?? new Set()).add(name));
    this.timer ??= setTimeout(() => this.send(), TOGETHER_MS);
  }

  private send(): void {
    this.timer = null;
    const asked = this.waiting;
    this.waiting = new Map();
    for (const [rank, names] of asked) {
      const all = [...names];
      for (let at = 0; at < all.length; at += MOST_NAMES)
        void this.load(rank, all.slice(at, at + MOST_NAMES));
    }
  }

  private async load(rank: number, names: string[]): Promise<void> {
    try {
      const found = new Map((await this.ask(rank, names)).map((one) => [one.name, one.points]));
      for (const name of names) this.store.load(name, rank, found.get(name) ?? []);
    } catch (error) {
      for (const name of names) this.store.forget(name, rank);
      this.onError(error);
    }
  }
}
