import { useQuery } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { client, got } from "@/lib/api";
import { useLiveEvents } from "@/lib/live";
import { askCourses, Loader, type Series } from "./loader";
import { Redraw } from "./redraw";
import { MetricStore } from "./store";

export interface Metrics {
  job: string;
  store: MetricStore;
  redraw: Redraw;
  loader: Loader;
}

/** The courses of a job's metrics: names at once, points of those that are seen, and what the stream adds. */
export function useMetrics(job: string, ranks: readonly number[]) {
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const [metrics] = useState<Metrics>(() => {
    const store = new MetricStore();
    return { job, store, redraw: new Redraw(), loader: new Loader(store, askCourses(job), setError) };
  });
  const { store, redraw } = metrics;
  useLiveEvents((event) => store.take(event, job));
  useEffect(() => () => redraw.stop(), [redraw]);
  const rank = ranks[0] ?? 0;
  // Not below "jobs": the stream tells what is new, nothing of it has to be asked for again.
  const summary = useQuery({
    queryKey: ["series", job, rank],
    queryFn: async ({ signal }) => {
      const params = { path: { job_id: job }, query: { rank } };
      return (await got(client.GET("/api/v1/jobs/{job_id}/metrics/summary", { params, signal })))
        .items as Pick<Series, "name">[];
    },
  });
  useEffect(() => {
    if (summary.data) store.know(summary.data.map((one) => one.name));
  }, [summary.data, store]);
  const names = useSyncExternalStore(store.followNames, store.getNames);
  const again = () => {
    setError(null);
    setRound(round + 1);
    void summary.refetch();
  };
  return { metrics, names, waiting: summary.isPending, error: error ?? summary.error, again, round };
}
