import { type Query, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { affectedBy, type Key, merged } from "./affected";
import { EventStream, type LiveEvent, type LiveStatus } from "./stream";

type Handler = (event: LiveEvent) => void;

interface Live {
  status: LiveStatus;
  /** Handlers are called for each event, in order; returns how to end it. */
  subscribe: (handler: Handler) => () => void;
  /** Asks for logs and metrics of this job for as long as somebody wants them. */
  want: (job: string) => () => void;
}

const Context = createContext<Live | null>(null);
const ASK_AGAIN_MS = 300;
const MOST_DETAILS = 50;
const REST_AFTER_MS = 30_000;

/** Feeds the query cache: what an event is about is asked for again, soon and once. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [status, setStatus] = useState<LiveStatus>("connecting");
  const handlers = useRef(new Set<Handler>());
  const wanted = useRef(new Map<string, number>());
  const stream = useRef<EventStream | null>(null);

  useEffect(() => {
    let stale: Key[] = [];
    let timer: ReturnType<typeof setTimeout> | null = null;
    const askAgain = () => {
      timer = null;
      const keys = merged(stale);
      stale = [];
      for (const queryKey of keys) void queries.invalidateQueries({ queryKey });
    };
    const one = new EventStream({
      onEvents(events) {
        for (const event of events) {
          stale.push(...affectedBy(event));
          for (const handler of handlers.current) handler(event);
        }
        if (stale.length) timer ??= setTimeout(askAgain, ASK_AGAIN_MS);
      },
      onStatus(now) {
        setStatus(now);
        // What was answered before the stream began, or during a break, may not be true any more.
        const predicate = (query: Query) => query.state.fetchStatus === "idle";
        if (now === "live") void queries.invalidateQueries({ predicate });
      },
    });
    stream.current = one;
    one.watch([...wanted.current.keys()]);
    one.start();
    const awake = whileSeen(
      () => one.start(),
      () => one.stop(),
    );
    const renew = () => one.renew();
    window.addEventListener("offline", renew);
    window.addEventListener("online", renew);
    return () => {
      window.removeEventListener("offline", renew);
      window.removeEventListener("online", renew);
      awake();
      if (timer) clearTimeout(timer);
      one.stop();
    };
  }, [queries]);

  const live = useMemo<Live>(
    () => ({
      status,
      subscribe(handler) {
        handlers.current.add(handler);
        return () => handlers.current.delete(handler);
      },
      want(job) {
        const count = wanted.current;
        const tell = () => stream.current?.watch([...count.keys()].slice(0, MOST_DETAILS));
        count.set(job, (count.get(job) ?? 0) + 1);
        tell();
        return () => {
          const left = (count.get(job) ?? 1) - 1;
          if (left) count.set(job, left);
          else count.delete(job);
          tell();
        };
      },
    }),
    [status],
  );
  return <Context.Provider value={live}>{children}</Context.Provider>;
}

/**
 * Calls `rest` once nobody has seen the page for a while, and `wake` when it is seen again: a browser has six connections
 * to a server for all its windows, and the seventh window would wait for ever.  Returns how to end it.
 */
function whileSeen(wake: () => void, rest: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let resting = false;
  const changed = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (document.visibilityState === "hidden") {
      timer = setTimeout(() => ((resting = true), rest()), REST_AFTER_MS);
    } else if (resting) {
      resting = false;
      wake();
    }
  };
  document.addEventListener("visibilitychange", changed);
  return () => {
    if (timer) clearTimeout(timer);
    document.removeEventListener("visibilitychange", changed);
  };
}

function useLive(): Live {
  const live = useContext(Context);
  if (live === null) throw new Error("outside of LiveProvider");
  return live;
}

export function useLiveStatus(): LiveStatus {
  return useLive().status;
}

/** Calls `handler` for every event from now on.  It may change at each rendering. */
export function useLiveEvents(handler: Handler): void {
  const { subscribe } = useLive();
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(() => subscribe((event) => latest.current(event)), [subscribe]);
}

/** Has logs and metrics of this job told as well, while the component is shown. */
export function useJobDetail(job: string | null): void {
  const { want } = useLive();
  useEffect(() => (job === null ? undefined : want(job)), [want, job]);
}
