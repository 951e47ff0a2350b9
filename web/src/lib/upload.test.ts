import { expect, test } from "vitest";
import { ApiError } from "./api";
import { formatOf, type Ground, nameFrom, plan, uploadDataset, uploadFile } from "./upload";

const CHUNK = 4;
const text = "0123456789";
const file = () => new File([text], "some data.csv", { lastModified: 7 });
const read = (data: BodyInit | null | undefined) => new TextDecoder().decode(data as ArrayBuffer);

/** A server of uploads; `fail` may answer instead of it. */
function server(fail: (method: string, address: string) => Response | Error | null = () => null) {
  const uploads = new Map<string, Map<number, string>>();
  const calls: string[] = [];
  const notes = new Map<string, string>();
  const waits: number[] = [];
  let committed: unknown = null;
  const answer = (body: unknown, status = 200) => Response.json(body, { status });
  const missing = () => answer({ status: 404, title: "Not found" }, 404);
  const handle = (address: string, request: RequestInit): Response | Promise<Response> => {
    const method = request.method ?? "GET";
    calls.push(`${method} ${address.replace("/api/v1/", "")}`);
    const failed = fail(method, address);
    if (failed instanceof Error) return Promise.reject(failed);
    if (failed) return failed;
    if (address === "/api/v1/uploads") {
      const id = `u-${uploads.size + 1}`;
      uploads.set(id, new Map());
      return answer({ upload_id: id, chunk_bytes: CHUNK }, 201);
    }
    const [, id = "", index] = /uploads\/([^/]+)(?:\/chunks\/(\d+))?$/.exec(address) ?? [];
    if (address.includes("/datasets/")) {
      const body = JSON.parse(request.body as string) as { upload_id: string };
      const chunks = uploads.get(body.upload_id);
      if (!chunks) return missing();
      const whole = [...chunks.entries()].sort(([a], [b]) => a - b).map(([, part]) => part);
      uploads.delete(body.upload_id);
      committed = { address, body, whole: whole.join("") };
      return answer({ name: "x", version: 1 }, 201);
    }
    const chunks = uploads.get(id);
    if (!chunks) return missing();
    if (method === "DELETE") return (uploads.delete(id), new Response(null, { status: 204 }));
    if (index === undefined)
      return answer({ upload_id: id, chunk_bytes: CHUNK, chunks: Object.fromEntries(chunks) });
    chunks.set(Number(index), read(request.body));
    return answer({ index: Number(index), sha256: "" });
  };
  const on: Ground = {
    fetch: async (address, request) => handle(address as string, request ?? {}),
    wait: (milliseconds) => (waits.push(milliseconds), Promise.resolve()),
    notes: {
      getItem: (key) => notes.get(key) ?? null,
      setItem: (key, value) => void notes.set(key, value),
      removeItem: (key) => void notes.delete(key),
    },
    // A chunk is its own digest here.
    digest: (data) => Promise.resolve(read(data)),
  };
  return { on, calls, notes, waits, uploads, committed: () => committed };
}

test("a plan covers the file, chunk by chunk", () => {
  expect(plan(10, 4)).toEqual([
    { index: 0, start: 0, end: 4 },
    { index: 1, start: 4, end: 8 },
    { index: 2, start: 8, end: 10 },
  ]);
  expect(plan(8, 4)).toHaveLength(2);
  expect(plan(0, 4)).toEqual([]);
});

test("a file becomes a version, and progress ends at its size", async () => {
  const there = server();
  const seen: [number, number][] = [];
  const options = { name: "a b", target: "y", workspace: "team x" };
  await uploadDataset(file(), { ...options, onProgress: (...at) => seen.push(at) }, there.on);
  expect(there.committed()).toEqual({
    address: "/api/v1/datasets/a%20b/versions?workspace=team%20x",
    body: { upload_id: "u-1", format: "csv", target: "y" },
    whole: text,
  });
  expect(seen.at(-1)).toEqual([10, 10]);
  expect(there.notes.size).toBe(0);
});

test("a chunk is sent again, later and later, while the server is away", async () => {
  let left = 3;
  const away = (method: string) =>
    method === "PUT" && left-- > 0
      ? left % 2
        ? new TypeError("net")
        : new Response("", { status: 503 })
      : null;
  const there = server(away);
  await uploadFile(file(), {}, there.on);
  expect([...there.uploads.get("u-1")!.values()].sort().join("")).toBe(text);
  expect(there.waits).toHaveLength(3);
  expect(Math.min(...there.waits)).toBe(500);
});

test("what does not help is not tried again", async () => {
  const there = server((method) =>
    method === "PUT" ? Response.json({ title: "no" }, { status: 422 }) : null,
  );
  await expect(uploadFile(file(), {}, there.on)).rejects.toMatchObject({ status: 422 });
  expect(there.waits).toEqual([]);
});

test("it gives up after six tries", async () => {
  const there = server((method) => (method === "POST" ? new TypeError("net") : null));
  await expect(uploadFile(file(), {}, there.on)).rejects.toBeInstanceOf(ApiError);
  expect(there.calls).toHaveLength(6);
});

test("the same file goes on where it stopped", async () => {
  let broken = true;
  const there = server((_, address) =>
    broken && address.endsWith("/chunks/1") ? Response.json({ title: "no" }, { status: 400 }) : null,
  );
  await expect(uploadFile(file(), {}, there.on)).rejects.toBeInstanceOf(ApiError);
  broken = false;
  there.calls.length = 0;
  expect(await uploadFile(file(), {}, there.on)).toBe("u-1");
  expect(there.calls).toContain("GET uploads/u-1");
  expect(there.calls.filter((call) => call.startsWith("PUT"))).toEqual(["PUT uploads/u-1/chunks/1"]);
});

test("a chunk that the server has in another state is sent anew", async () => {
  const there = server();
  await uploadFile(file(), {}, there.on);
  there.uploads.get("u-1")!.set(2, "damaged");
  there.calls.length = 0;
  await uploadFile(file(), {}, there.on);
  expect(there.calls.filter((call) => call.startsWith("PUT"))).toEqual(["PUT uploads/u-1/chunks/2"]);
});

test("an upload that is gone is begun anew", async () => {
  const there = server();
  await uploadFile(file(), {}, there.on);
  there.uploads.clear();
  await uploadDataset(file(), { name: "x", workspace: "default" }, there.on);
  expect(there.committed()).toMatchObject({ whole: text });
});

test("what a full disk has taken is given back", async () => {
  const there = server((method) => (method === "PUT" ? Response.json({}, { status: 507 }) : null));
  await expect(uploadFile(file(), {}, there.on)).rejects.toMatchObject({ status: 507 });
  expect(there.calls.at(-1)).toBe("DELETE uploads/u-1");
  expect(there.notes.size).toBe(0);
});

test("without digests nothing is trusted to be there already", async () => {
  const there = server();
  const bare = { ...there.on, digest: null };
  await uploadFile(file(), {}, bare);
  await uploadFile(file(), {}, bare);
  expect(there.calls.filter((call) => call.startsWith("PUT"))).toHaveLength(6);
});

test("who stops it stops it", async () => {
  const stop = new AbortController();
  const there = server();
  const fetching: typeof fetch = (address, request) => {
    if (request?.signal?.aborted) return Promise.reject(new DOMException("", "AbortError"));
    if (request?.method === "PUT") stop.abort();
    return there.on.fetch(address, request);
  };
  const long = new File(["x".repeat(400)], "long.csv", { lastModified: 1 });
  const sent = uploadFile(long, { signal: stop.signal }, { ...there.on, fetch: fetching });
  await expect(sent).rejects.toMatchObject({ name: "AbortError" });
  expect(there.calls.filter((call) => call.startsWith("PUT")).length).toBeLessThan(5);
});

test("names and formats come from the file's name", () => {
  expect(nameFrom("Sales 2025 (final).csv")).toBe("Sales-2025-final");
  expect(nameFrom("../ä/x.tar.gz")).toBe("x.tar");
  expect([formatOf("a.PQ"), formatOf("a.tsv"), formatOf("a.bin")]).toEqual(["parquet", "csv", null]);
});
