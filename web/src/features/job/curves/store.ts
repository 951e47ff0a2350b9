/** All courses that the page of a job keeps, outside of React: who draws one is told that it has grown. */
import type { LiveEvent } from "@/lib/live";
import { type ApiPoint, Points } from "./points";

type Listener = () => void;
const key = (name: string, rank: number) => `${rank} ${name}`;

export class MetricStore {
  private readonly courses = new Map<string, Points>();
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly onNames = new Set<Listener>();
  private names: readonly string[] = [];

  /** For useSyncExternalStore: the same list until there is a new name. */
  readonly getNames = (): readonly string[] => this.names;

  readonly followNames = (listener: Listener): (() => void) => {
    this.onNames.add(listener);
    return () => this.onNames.delete(listener);
  };

  get(name: string, rank: number): Points | undefined {
    return this.courses.get(key(name, rank));
  }

  follow(name: string, listener: Listener): () => void {
    const found = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, found.add(listener));
    return () => found.delete(listener);
  }

  /** From now on what the stream tells of it is kept; true if it was not before. */
  keep(name: string, rank: number): boolean {
    if (this.courses.has(key(name, rank))) return false;
    this.courses.set(key(name, rank), new Points());
    return true;
  }

  forget(name: string, rank: number): void {
    this.courses.delete(key(name, rank));
  }

  know(names: Iterable<string>): void {
    const all = new Set([...this.names, ...names]);
    if (all.size === this.names.length) return;
    this.names = [...all].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    this.onNames.forEach((listener) => listener());
  }

  load(name: string, rank: number, points: readonly ApiPoint[]): void {
    this.keep(name, rank);
    this.get(name, rank)!.load(points);
    this.know([name]);
    this.tell(name);
  }

  /** Takes in the points of an event of the stream; of other jobs and kinds it does nothing. */
  take(event: LiveEvent, job: string): void {
    if (event.kind !== "metrics" || event.job_id !== job || !Array.isArray(event.data.points)) return;
    const rank = Number(event.data.rank ?? 0);
    const [named, grown] = [new Set<string>(), new Set<string>()];
    for (const point of event.data.points as { step: number | null; at: number; values: object }[]) {
      for (const [name, value] of Object.entries(point.values) as [string, number | null][]) {
        named.add(name);
        // Of those that nobody has looked at yet the API tells everything once somebody does.
        const course = this.get(name, rank);
        if (course?.push(point.step, point.at * 1000, value)) grown.add(name);
      }
    }
    this.know(named);
    grown.forEach((name) => this.tell(name));
  }

  private tell(name: string): void {
    this.listeners.get(name)?.forEach((listener) => listener());
  }
}
