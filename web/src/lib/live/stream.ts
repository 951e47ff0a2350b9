/**
 * One connection to the event stream, kept for as long as the page is open.
 *
 * Every entry has a growing id.  After a break the connection goes on behind the last one, so nothing is missed; what
 * came twice is told once.  It counts as broken, too, when nothing came for longer than the server's keep-alive.
 */
import { EventSourceParserStream } from "eventsource-parser/stream";
import { sayIfSignedOut } from "../api";

export interface LiveEvent {
  id: number;
  job_id: string | null;
  kind: string;
  at: string;
  data: Record<string, unknown>;
}

export type LiveStatus = "connecting" | "live" | "reconnecting";

const SILENT_MS = 40_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

export interface StreamOptions {
  onEvents: (events: LiveEvent[]) => void;
  onStatus: (status: LiveStatus) => void;
  fetch?: typeof fetch;
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export class EventStream {
  private last = -1;
  private details: readonly string[] = [];
  private stopped = new AbortController();
  private connection = new AbortController();
  private tries = 0;
  private status: LiveStatus = "connecting";

  constructor(private readonly options: StreamOptions) {}

  start(): void {
    this.stopped = new AbortController();
    void this.run(this.stopped.signal);
  }

  /** `start` goes on behind what was told. */
  stop(): void {
    this.stopped.abort();
    this.connection.abort();
    this.say("reconnecting");
  }

  /** The network has changed: whatever there is of a connection is not to be relied on. */
  renew(): void {
    this.connection.abort();
  }

  /** Of these jobs logs and metrics are told, too: the connection is made anew, behind what it had told. */
  watch(jobs: readonly string[]): void {
    if (jobs.join() === this.details.join()) return;
    this.details = [...jobs];
    this.connection.abort("other details");
  }

  private address(): string {
    const query = new URLSearchParams();
    if (this.last >= 0) query.set("after", String(this.last));
    for (const job of this.details.length ? this.details : [""]) query.append("detail", job);
    return `/api/v1/events?${query.toString()}`;
  }

  private async run(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      this.connection = new AbortController();
      try {
        await this.follow(this.connection);
      } catch {
        // Whatever it was, the answer is the same: try again.
      }
      if (stopped.aborted) return;
      if (this.connection.signal.reason === "other details") continue;
      this.say("reconnecting");
      const most = Math.min(FIRST_WAIT_MS * 2 ** this.tries++, LONGEST_WAIT_MS);
      await (this.options.wait ?? pause)(most * (0.5 + Math.random() / 2), stopped);
    }
  }

  private async follow(connection: AbortController): Promise<void> {
    const ask = this.options.fetch ?? fetch;
    const answer = await ask(this.address(), {
      headers: { Accept: "text/event-stream" },
      signal: connection.signal,
      cache: "no-store",
    });
    sayIfSignedOut(answer.status);
    if (!answer.ok || answer.body === null) throw new Error(`HTTP ${answer.status}`);
    this.tries = 0;
    this.say("live");
    let silence = setTimeout(() => connection.abort(), SILENT_MS);
    const heard = new TransformStream<Uint8Array, Uint8Array>({
      transform(piece, out) {
        clearTimeout(silence);
        silence = setTimeout(() => connection.abort(), SILENT_MS);
        out.enqueue(piece);
      },
    });
    const messages = answer.body
      .pipeThrough(heard)
      .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
      .pipeThrough(new EventSourceParserStream({ onComment: (said) => this.noted(said) }))
      .getReader();
    try {
      for (;;) {
        const { done, value } = await messages.read();
        if (done) return;
        this.take(value.id, value.data);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  /** Comments say where in the log the stream is: at its beginning, and while nothing is told of it. */
  private noted(said: string): void {
    const position = /(?:connected after|keep-alive at) (\d+)/.exec(said)?.[1];
    if (position !== undefined) this.last = Math.max(this.last, Number(position));
  }

  private take(id: string | undefined, data: string): void {
    const position = Number(id);
    if (!id || !Number.isSafeInteger(position) || position <= this.last) return;
    this.last = position;
    this.options.onEvents([JSON.parse(data) as LiveEvent]);
  }

  private say(status: LiveStatus): void {
    if (status === this.status) return;
    this.status = status;
    this.options.onStatus(status);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
