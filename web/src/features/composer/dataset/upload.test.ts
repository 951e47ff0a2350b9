import { describe, expect, it } from "vitest";
import { ApiError, unreachable } from "@/lib/api";
import { chunksOf, formatOf, hex, type Means, nameFrom, send } from "./upload";

const DATA = "0123456789";
const FILE = new File([DATA], "numbers.csv", { lastModified: 5 });

/** A server that keeps chunks of four bytes; `faults` are thrown before it listens. */
function server(faults: Error[] = [], sha256 = true) {
  const kept = new Map<number, string>();
  const puts: number[] = [];
  const notes = new Map<string, string>();
  const digest = (text: string) => `sha-${text}`;
  const means: Means = {
    api: {
      begin: () => Promise.resolve({ id: "u-1", chunkBytes: 4 }),
      come: (id) =>
        Promise.resolve(
          id === "u-1"
            ? { chunkBytes: 4, chunks: Object.fromEntries([...kept].map(([at, text]) => [at, digest(text)])) }
            : null,
        ),
      put: async (_id, index, data, sent) => {
        const fault = faults.shift();
        if (fault) throw fault;
        const text = await data.text();
        expect(sent).toBe(sha256 ? digest(text) : null);
        puts.push(index);
        kept.set(index, text);
      },
    },
    sha256: sha256 ? (data) => Promise.resolve(digest(new TextDecoder().decode(data))) : null,
    notes: { read: (key) => notes.get(key) ?? null, keep: (key, id) => notes.set(key, id) },
    pause: () => Promise.resolve(),
  };
  return { means, kept, puts, notes };
}

const never = new AbortController().signal;

describe("chunks", () => {
  it("cover the file exactly", () => {
    expect(chunksOf(10, 4)).toEqual([
      { index: 0, from: 0, to: 4 },
      { index: 1, from: 4, to: 8 },
      { index: 2, from: 8, to: 10 },
    ]);
    expect(chunksOf(8, 4)).toHaveLength(2);
    expect(chunksOf(0, 4)).toEqual([]);
  });
});

describe("send", () => {
  it("sends all, and says how far it is", async () => {
    const { means, kept } = server();
    const done: number[] = [];
    expect(await send(FILE, means, never, (bytes) => done.push(bytes))).toBe("u-1");
    expect([...kept.values()].join("")).toBe(DATA);
    expect(done).toEqual([4, 8, 10]);
  });

  it("goes on after a break with what the server lacks", async () => {
    const refused = new ApiError(507, "storage_full", "No room", "");
    const { means, puts, kept } = server([]);
    const put = means.api.put.bind(means.api);
    let calls = 0;
    means.api.put = (...given) => ((calls += 1) === 3 ? Promise.reject(unreachableForGood()) : put(...given));
    await expect(send(FILE, means, never, () => undefined)).rejects.toThrow();
    expect(puts).toEqual([0, 1]);
    means.api.put = put;
    await send(FILE, means, never, () => undefined);
    expect(puts).toEqual([0, 1, 2]);
    expect(kept.size).toBe(3);
    expect(refused.retriable).toBe(true);
  });

  it("sends a chunk again that came wrong", async () => {
    const { means, puts, kept } = server();
    await send(FILE, means, never, () => undefined);
    kept.set(1, "xxxx");
    await send(FILE, means, never, () => undefined);
    expect(puts).toEqual([0, 1, 2, 1]);
  });

  it("waits for a connection that comes back, and gives up on what will not change", async () => {
    const back = server([unreachable(), unreachable()]);
    await send(FILE, back.means, never, () => undefined);
    expect(back.puts).toEqual([0, 1, 2]);
    const refused = server([new ApiError(413, "too_large", "Too large", "")]);
    await expect(send(FILE, refused.means, never, () => undefined)).rejects.toThrow("Too large");
  });

  it("begins anew when the server has forgotten the upload", async () => {
    const { means, notes, puts } = server();
    notes.set("tensorfleet.upload.10.5.numbers.csv", "u-gone");
    expect(await send(FILE, means, never, () => undefined)).toBe("u-1");
    expect(puts).toEqual([0, 1, 2]);
  });

  it("sends without checksums where the browser makes none", async () => {
    const { means, puts } = server([], false);
    await send(FILE, means, never, () => undefined);
    expect(puts).toEqual([0, 1, 2]);
  });

  it("stops when it is cancelled", async () => {
    const { means, puts } = server();
    const controller = new AbortController();
    await expect(send(FILE, means, controller.signal, () => controller.abort())).rejects.toThrow();
    expect(puts).toEqual([0]);
  });
});

function unreachableForGood(): ApiError {
  return new ApiError(400, "gone", "Broken", "");
}

it.each([
  ["Sales 2025 (final).csv", "Sales-2025-final"],
  ["a.b.parquet", "a.b"],
  [".csv", "csv"],
  ["???.csv", ""],
])("%s is called %s", (file, name) => {
  expect(nameFrom(file)).toBe(name);
});

it("knows tables by their names and first bytes", async () => {
  expect(await formatOf(FILE)).toBe("csv");
  expect(await formatOf(new File(["PAR1..."], "x"))).toBe("parquet");
  expect(await formatOf(new File(["a,b"], "x.parquet"))).toEqual({ refused: "notParquet" });
  expect(await formatOf(new File(["PK"], "x.csv.zip"))).toEqual({ refused: "packed" });
  expect(await formatOf(new File([""], "x.csv"))).toEqual({ refused: "empty" });
  expect(await formatOf(new File(["x"], "x.png"))).toEqual({ refused: "format" });
});

it("writes digests as the server does", () => {
  expect(hex(new Uint8Array([0, 15, 255]).buffer)).toBe("000fff");
});
