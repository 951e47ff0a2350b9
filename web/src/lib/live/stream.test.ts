import { expect, test, vi } from "vitest";
import { EventStream, type LiveEvent, type LiveStatus } from "./stream";

const entry = (id: number, kind = "job.started") =>
  `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify({ id, job_id: "j", kind, at: "", data: {} })}\n\n`;

/** Answers each call with the next text, then with silence; keeps the addresses. */
function server(...texts: (string | Error)[]) {
  const asked: string[] = [];
  const fetch = vi.fn((address: string, options: RequestInit) => {
    asked.push(address);
    const text = texts.shift();
    if (text instanceof Error) return Promise.reject(text);
    const body = new ReadableStream<Uint8Array>({
      start(out) {
        if (text !== undefined) {
          out.enqueue(new TextEncoder().encode(text));
          out.close();
        }
        options.signal?.addEventListener(
          "abort",
          () => text === undefined && out.error(new Error("aborted")),
        );
      },
    });
    return Promise.resolve(new Response(body));
  });
  return { asked, fetch: fetch as unknown as typeof globalThis.fetch };
}

function follow(fetch: typeof globalThis.fetch) {
  const events: LiveEvent[] = [];
  const statuses: LiveStatus[] = [];
  const stream = new EventStream({
    fetch,
    wait: () => Promise.resolve(),
    onEvents: (found) => events.push(...found),
    onStatus: (status) => statuses.push(status),
  });
  stream.start();
  return { events, statuses, stream };
}

test("goes on behind the last entry after a break, and tells nothing twice", async () => {
  const { asked, fetch } = server(
    `: connected after 4\n\n${entry(5)}${entry(6)}`,
    new TypeError("no network"),
    `: connected after 6\n\n${entry(6)}${entry(7)}`,
  );
  const { events, statuses, stream } = follow(fetch);
  await vi.waitFor(() => expect(asked.length).toBe(4));
  expect(events.map((event) => event.id)).toEqual([5, 6, 7]);
  expect(asked[0]).not.toContain("after");
  expect(asked.slice(1)).toEqual(
    Array(1)
      .fill(expect.stringContaining("after=6"))
      .concat(expect.stringContaining("after=6"), expect.stringContaining("after=7")),
  );
  expect(statuses.slice(0, 3)).toEqual(["live", "reconnecting", "live"]);
  stream.stop();
});

test("knows where it began even if nothing was told", async () => {
  const { asked, fetch } = server(": connected after 41\n\n");
  const { stream } = follow(fetch);
  await vi.waitFor(() => expect(asked.length).toBe(2));
  expect(asked[1]).toContain("after=41");
  stream.stop();
});

test("other details: the connection is made anew, behind what was told, and stays live", async () => {
  const { asked, fetch } = server();
  const { statuses, stream } = follow(fetch);
  await vi.waitFor(() => expect(statuses).toEqual(["live"]));
  stream.watch(["j-1"]);
  await vi.waitFor(() => expect(asked.length).toBe(2));
  expect(asked[1]).toContain("detail=j-1");
  expect(statuses).toEqual(["live"]);
  stream.stop();
});

test("rests, and goes on behind what was told", async () => {
  const { asked, fetch } = server();
  const { statuses, stream } = follow(fetch);
  await vi.waitFor(() => expect(statuses).toEqual(["live"]));
  stream.stop();
  expect(statuses).toEqual(["live", "reconnecting"]);
  stream.start();
  await vi.waitFor(() => expect(statuses).toEqual(["live", "reconnecting", "live"]));
  expect(asked.length).toBe(2);
  stream.stop();
});
