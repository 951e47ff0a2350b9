/** A file to the server in chunks: what it has already is not sent again. */
import type { ApiError } from "@/lib/api";

export interface Chunk {
  index: number;
  from: number;
  to: number;
}

export interface UploadApi {
  begin(signal: AbortSignal): Promise<{ id: string; chunkBytes: number }>;
  /** Digests of the chunks that have come, by index; null if there is no such upload any more. */
  come(
    id: string,
    signal: AbortSignal,
  ): Promise<{ chunkBytes: number; chunks: Record<string, string> } | null>;
  put(id: string, index: number, data: Blob, sha256: string | null, signal: AbortSignal): Promise<void>;
}

export interface Means {
  api: UploadApi;
  /** Null where the browser computes none: on plain http from another machine. */
  sha256: ((data: ArrayBuffer) => Promise<string>) | null;
  /** Which upload a file's is, across a reload of the page. */
  notes: { read(key: string): string | null; keep(key: string, id: string): void };
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

const TRIES = 5;
const FIRST_PAUSE_MS = 500;

export function chunksOf(bytes: number, chunkBytes: number): Chunk[] {
  return Array.from({ length: Math.ceil(bytes / chunkBytes) }, (_, index) => ({
    index,
    from: index * chunkBytes,
    to: Math.min((index + 1) * chunkBytes, bytes),
  }));
}

export function noteKey(file: { name: string; size: number; lastModified: number }): string {
  return `tensorfleet.upload.${file.size}.${file.lastModified}.${file.name}`;
}

/** As the client names datasets: `Sales 2025 (final).csv` gives `Sales-2025-final`. */
export function nameFrom(file: string): string {
  const stem = file.replace(/(?<=.)\.[^.]*$/, "");
  return stem
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replaceAll(/^[-._]+|[-._]+$/g, "")
    .slice(0, 100);
}

export type Format = "csv" | "parquet";
export type Refusal = "empty" | "packed" | "format" | "notParquet";
const CSV = /\.(csv|tsv|txt|data)$/i;
const PARQUET = /\.(parquet|pq)$/i;
const PACKED = /\.(gz|zip|bz2|xz|zst|7z|tar)$/i;

/** What a file is, by its name and its first bytes; or why it is no table. */
export async function formatOf(file: File): Promise<Format | { refused: Refusal }> {
  if (file.size === 0) return { refused: "empty" };
  if (PACKED.test(file.name)) return { refused: "packed" };
  const parquet = (await file.slice(0, 4).text()) === "PAR1";
  if (PARQUET.test(file.name)) return parquet ? "parquet" : { refused: "notParquet" };
  if (parquet) return "parquet";
  return CSV.test(file.name) ? "csv" : { refused: "format" };
}

/** Sends what the server lacks, one chunk in memory at a time, and gives the upload's id. */
export async function send(
  file: File,
  means: Means,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<string> {
  const key = noteKey(file);
  const noted = means.notes.read(key);
  const begun =
    noted && means.sha256 ? await persistently(() => means.api.come(noted, signal), means, signal) : null;
  let id = begun ? noted : null;
  let chunkBytes = begun?.chunkBytes ?? 0;
  if (id === null) {
    ({ id, chunkBytes } = await persistently(() => means.api.begin(signal), means, signal));
    means.notes.keep(key, id);
  }
  for (const chunk of chunksOf(file.size, chunkBytes)) {
    await sendChunk(file, id, chunk, begun?.chunks ?? {}, means, signal);
    progress(chunk.to);
  }
  return id;
}

async function sendChunk(
  file: File,
  id: string,
  { index, from, to }: Chunk,
  come: Record<string, string>,
  means: Means,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const data = file.slice(from, to);
  const digest = means.sha256 ? await means.sha256(await data.arrayBuffer()) : null;
  if (digest !== null && come[String(index)] === digest) return;
  await persistently(() => means.api.put(id, index, data, digest, signal), means, signal);
}

/** A connection that breaks comes back, mostly. */
async function persistently<T>(ask: () => Promise<T>, means: Means, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (tries >= TRIES || signal.aborted || !(error as Partial<ApiError>).retriable) throw error;
      await means.pause(FIRST_PAUSE_MS * 2 ** (tries - 1), signal);
    }
  }
}

export function hex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
