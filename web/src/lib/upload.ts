/**
 * Files to the server in chunks, a few at a time, read from the disk as they are sent: never a whole file in memory.
 *
 *     const version = await uploadDataset(file, { name: "sales", workspace, signal, onProgress });
 *
 * After a broken connection, or when the same file is chosen again, what the server has already is not sent again.
 */
import { ApiError, changing, problemFrom, sayIfSignedOut, type Schemas, unreachable } from "./api";

export type Version = Schemas["VersionRead"];

export interface UploadOptions {
  signal?: AbortSignal;
  /** Called with bytes done and bytes in all. */
  onProgress?: (done: number, total: number) => void;
}

export interface DatasetOptions extends UploadOptions {
  name: string;
  target?: string | undefined;
  workspace: string;
}

export interface Upload {
  id: string;
  chunkBytes: number;
  /** The digests of what the server has, by index. */
  chunks: Record<number, string>;
}

/** What is outside: replaced in tests. */
export interface Ground {
  fetch: typeof fetch;
  wait: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  notes: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** SHA-256; null where the browser has none: on a page without TLS that is not this machine's own. */
  digest: ((data: ArrayBuffer) => Promise<string>) | null;
}

const AT_ONCE = 3;
const TRIES = 6;
const MOST_CHUNK_BYTES = 256 * 1024 ** 2;
const FULL = 507;

export function ground(): Ground {
  const { subtle } = crypto as Partial<Crypto>;
  return {
    fetch: (...asked) => fetch(...asked),
    wait,
    notes: localStorage,
    digest: subtle ? async (data) => hex(await subtle.digest("SHA-256", data)) : null,
  };
}

/** Sends a file and makes it the next version of the dataset; equal content is one version. */
export async function uploadDataset(
  file: File,
  { name, target, workspace, ...options }: DatasetOptions,
  on: Ground = ground(),
): Promise<Version> {
  const commit = async () => {
    const upload_id = await uploadFile(file, options, on);
    const address = `/api/v1/datasets/${encodeURIComponent(name)}/versions?workspace=${encodeURIComponent(workspace)}`;
    const body = JSON.stringify({ upload_id, format: formatOf(file.name), target: target || null });
    const headers = { "Content-Type": "application/json" };
    const version = await asked<Version>(on, "POST", address, { body, headers, signal: options.signal });
    on.notes.removeItem(noteOf(file));
    return version;
  };
  try {
    return await commit();
  } catch (error) {
    // An earlier try committed the upload and its answer was lost: the note leads nowhere.
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    on.notes.removeItem(noteOf(file));
    return commit();
  }
}

/** Sends a file and returns the upload's id, ready to be committed. */
export async function uploadFile(
  file: File,
  { signal, onProgress }: UploadOptions = {},
  on: Ground = ground(),
): Promise<string> {
  const upload = (await begun(file, on, signal)) ?? (await start(file, on, signal));
  let done = 0;
  const waiting = plan(file.size, upload.chunkBytes);
  const send = async () => {
    for (let chunk = waiting.shift(); chunk; chunk = waiting.shift()) {
      await sendChunk(file, upload, chunk, on, signal);
      done += chunk.end - chunk.start;
      onProgress?.(done, file.size);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, send));
  } catch (error) {
    waiting.length = 0;
    if (error instanceof ApiError && error.status === FULL) await giveUp(file, upload, on);
    throw error;
  }
  return upload.id;
}

export interface Chunk {
  index: number;
  start: number;
  end: number;
}

export function plan(size: number, chunkBytes: number): Chunk[] {
  return Array.from({ length: Math.ceil(size / chunkBytes) }, (_, index) => ({
    index,
    start: index * chunkBytes,
    end: Math.min(size, (index + 1) * chunkBytes),
  }));
}

/** A dataset's name from a file's: "Sales 2025 (final).csv" gives "Sales-2025-final". */
export function nameFrom(file: string): string {
  const stem = file.replace(/\.[^.]*$/, "") || file;
  return stem
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[-._]+|[-._]+$/g, "")
    .slice(0, 100);
}

/** null: the server looks itself. */
export function formatOf(file: string): "csv" | "parquet" | null {
  if (/\.(parquet|pq)$/i.test(file)) return "parquet";
  return /\.(csv|tsv|txt|data)$/i.test(file) ? "csv" : null;
}

async function sendChunk(file: File, upload: Upload, chunk: Chunk, on: Ground, signal?: AbortSignal) {
  const data = await file.slice(chunk.start, chunk.end).arrayBuffer();
  const digest = on.digest ? await on.digest(data) : null;
  if (digest !== null && upload.chunks[chunk.index] === digest) return;
  const headers: Record<string, string> = { "Content-Type": "application/octet-stream" };
  if (digest !== null) headers["X-Content-SHA256"] = digest;
  await asked(on, "PUT", `${place(upload.id)}/chunks/${chunk.index}`, { body: data, headers, signal });
}

async function begun(file: File, on: Ground, signal?: AbortSignal): Promise<Upload | null> {
  const id = on.notes.getItem(noteOf(file));
  if (id === null || on.digest === null) return null;
  try {
    return checked(await asked<Schemas["UploadRead"]>(on, "GET", place(id), { signal }));
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 403)) return null;
    throw error;
  }
}

async function start(file: File, on: Ground, signal?: AbortSignal): Promise<Upload> {
  const upload = checked(await asked<Schemas["UploadCreated"]>(on, "POST", "/api/v1/uploads", { signal }));
  if (on.digest) on.notes.setItem(noteOf(file), upload.id);
  return upload;
}

async function giveUp(file: File, upload: Upload, on: Ground): Promise<void> {
  on.notes.removeItem(noteOf(file));
  await asked(on, "DELETE", place(upload.id), {}).catch(() => undefined);
}

function checked(answer: Schemas["UploadCreated"] & { chunks?: Record<number, string> }): Upload {
  const { upload_id: id, chunk_bytes: chunkBytes, chunks = {} } = answer;
  if (!(chunkBytes > 0 && chunkBytes <= MOST_CHUNK_BYTES))
    throw new Error(`the server asks for chunks of ${chunkBytes} bytes`);
  return { id, chunkBytes, chunks };
}

const place = (id: string) => `/api/v1/uploads/${encodeURIComponent(id)}`;

/** Of a file as the browser knows it: the same name, size and time of change is the same file. */
function noteOf(file: File): string {
  return `tensorfleet.upload.${file.name}.${file.size}.${file.lastModified}`;
}

interface Request {
  body?: string | ArrayBuffer;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** Asks again, later and later, while the server is away. */
async function asked<T>(
  on: Ground,
  method: string,
  address: string,
  { signal, ...request }: Request,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await once<T>(on, address, { ...request, method, signal: signal ?? null });
    } catch (error) {
      const again = error instanceof ApiError && error.retriable && error.status !== FULL;
      if (!again || tried === TRIES) throw error;
      await on.wait(Math.min(500 * 2 ** (tried - 1), 10_000), signal);
    }
  }
}

async function once<T>(on: Ground, address: string, request: RequestInit): Promise<T> {
  const headers = { ...changing(), ...(request.headers as Record<string, string> | undefined) };
  const response = await on.fetch(address, { ...request, headers }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  });
  sayIfSignedOut(response.status);
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemFrom(response.status, body);
  return body as T;
}

function wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

function hex(data: ArrayBuffer): string {
  return [...new Uint8Array(data)].map((one) => one.toString(16).padStart(2, "0")).join("");
}
