/** The upload's steps over HTTP, in this browser. */
import { changing, client, got, problemFrom, sayIfSignedOut, unreachable } from "@/lib/api";
import { hex, type Means, type UploadApi } from "./upload";

const api: UploadApi = {
  async begin(signal) {
    const { upload_id, chunk_bytes } = await got(client.POST("/api/v1/uploads", { signal }));
    return { id: upload_id, chunkBytes: chunk_bytes };
  },
  async come(id, signal) {
    const answer = await client.GET("/api/v1/uploads/{upload_id}", {
      params: { path: { upload_id: id } },
      signal,
    });
    if (answer.response.status === 404) return null;
    const found = await got(Promise.resolve(answer));
    return { chunkBytes: found.chunk_bytes, chunks: found.chunks };
  },
  async put(id, index, data, sha256, signal) {
    const response = await fetch(`/api/v1/uploads/${encodeURIComponent(id)}/chunks/${index}`, {
      method: "PUT",
      body: data,
      headers: {
        ...changing(),
        "Content-Type": "application/octet-stream",
        ...(sha256 === null ? {} : { "X-Content-SHA256": sha256 }),
      },
      signal,
    }).catch((error: unknown) => {
      throw signal.aborted ? error : unreachable();
    });
    sayIfSignedOut(response.status);
    if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => ""));
  },
};

// `subtle` is not there on plain http from another machine; the API takes chunks without their checksums too.
const subtle = (globalThis.crypto as Partial<Crypto> | undefined)?.subtle;

export const means: Means = {
  api,
  sha256: subtle ? async (data) => hex(await subtle.digest("SHA-256", data)) : null,
  notes: {
    read: (key) => localStorage.getItem(key),
    keep: (key, id) => {
      try {
        localStorage.setItem(key, id);
      } catch {
        // No room for notes: the upload cannot go on after a reload, nothing else.
      }
    },
  },
  pause: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      });
    }),
};

export async function abandon(id: string): Promise<void> {
  await client.DELETE("/api/v1/uploads/{upload_id}", { params: { path: { upload_id: id } } });
}
