import { useEffect, useRef, useState } from "react";
import { client, got } from "@/lib/api";
import { useLiveEvents } from "@/lib/live";
import { loose, num, text } from "../shape";
import { LogLines, type Piece } from "./lines";

const TAIL = 5_000;
const PAGE = 1_000;
const SHOW_MS = 150;

async function tail(job: string): Promise<Piece[]> {
  const params = { path: { job_id: job }, query: { tail: TAIL } };
  return (await got(client.GET("/api/v1/jobs/{job_id}/logs", { params }))).items;
}

/** From the first piece on, page by page. */
async function everything(
  job: string,
  each: (pieces: Piece[]) => void,
  wanted: () => boolean,
): Promise<void> {
  let after: number | null = 0;
  while (after !== null && wanted()) {
    const params: { path: { job_id: string }; query: { after: number; limit: number } } = {
      path: { job_id: job },
      query: { after, limit: PAGE },
    };
    const page = await got(client.GET("/api/v1/jobs/{job_id}/logs", { params }));
    each(page.items);
    after = page.next_cursor === null ? null : Number(page.next_cursor);
  }
}

/** The job's log: its end first, then what the stream tells; the beginning when somebody asks for it. */
export function useLog(job: string) {
  const [log, setLog] = useState<LogLines | null>(null);
  const [version, setVersion] = useState(0);
  const [whole, setWhole] = useState(true);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  const early = useRef<Piece[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const shown = useRef(true);
  const show = () => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      setVersion((count) => count + 1);
    }, SHOW_MS);
  };
  useLiveEvents((event) => {
    if (event.kind !== "log" || event.job_id !== job) return;
    const data = loose(event.data);
    const { id, at } = event;
    const piece = {
      id,
      at,
      rank: num(data.rank) ?? 0,
      attempt: num(data.attempt) ?? 0,
      text: text(data.text),
    };
    if (log === null || busy) early.current.push(piece);
    else if (log.add([piece])) show();
  });
  useEffect(() => {
    shown.current = true;
    let wanted = true;
    tail(job).then(
      (pieces) => {
        if (!wanted) return;
        const first = new LogLines();
        first.add(pieces);
        setWhole(first.lines.length < TAIL);
        first.add(early.current.splice(0));
        setLog(first);
      },
      (found: unknown) => wanted && setError(found),
    );
    return () => {
      wanted = shown.current = false;
      if (timer.current) clearTimeout(timer.current);
      timer.current = null;
    };
  }, [job, tries]);
  const loadAll = async (): Promise<LogLines | null> => {
    if (whole || log === null) return log;
    setBusy(true);
    const all = new LogLines();
    try {
      await everything(
        job,
        (pieces) => all.add(pieces),
        () => shown.current,
      );
      all.add(early.current.splice(0));
      setLog(all);
      setWhole(true);
      return all;
    } catch (found) {
      setError(found);
      return null;
    } finally {
      setBusy(false);
    }
  };
  const again = () => {
    setError(null);
    setTries(tries + 1);
  };
  return { log, version, whole, busy, error, loadAll, again };
}
