import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, client, got } from "@/lib/api";
import type { Version } from "../queries";
import { abandon, means } from "./means";
import { type Format, formatOf, nameFrom, noteKey, type Refusal, send } from "./upload";

export type Upload =
  | { state: "idle" }
  | { state: "sending" | "reading"; file: File; done: number }
  | { state: "refused"; file: File; why: Refusal }
  | { state: "failed"; file: File; error: unknown };

/** One file on its way to become a version of a dataset. */
export function useUpload(workspace: string, onDone: (version: Version) => void) {
  const [upload, setUpload] = useState<Upload>({ state: "idle" });
  const stopping = useRef<AbortController | null>(null);
  const queries = useQueryClient();
  useEffect(() => () => stopping.current?.abort(), []);

  const start = useCallback(
    async (file: File, name: string) => {
      stopping.current?.abort();
      const controller = new AbortController();
      stopping.current = controller;
      const { signal } = controller;
      const tell = (next: Upload) => !signal.aborted && setUpload(next);
      tell({ state: "sending", file, done: 0 });
      try {
        const format = await formatOf(file);
        if (typeof format !== "string") return tell({ state: "refused", file, why: format.refused });
        const id = await send(file, means, signal, (done) => tell({ state: "sending", file, done }));
        tell({ state: "reading", file, done: file.size });
        const version = await commit(name || nameFrom(file.name) || "data", id, format, workspace, signal);
        localStorage.removeItem(noteKey(file));
        if (signal.aborted) return;
        setUpload({ state: "idle" });
        onDone(version);
        await queries.invalidateQueries({ queryKey: ["datasets"] });
      } catch (error) {
        tell({ state: "failed", file, error });
        // An earlier try was taken, and its answer lost: the note leads nowhere.
        if (error instanceof ApiError && error.status === 404) localStorage.removeItem(noteKey(file));
      }
    },
    [workspace, onDone, queries],
  );

  const cancel = useCallback((file: File) => {
    stopping.current?.abort();
    setUpload({ state: "idle" });
    const id = localStorage.getItem(noteKey(file));
    localStorage.removeItem(noteKey(file));
    // What it holds on the server is freed by age too.
    if (id) abandon(id).catch(() => undefined);
  }, []);

  return { upload, start, cancel };
}

function commit(name: string, id: string, format: Format, workspace: string, signal: AbortSignal) {
  return got(
    client.POST("/api/v1/datasets/{name}/versions", {
      params: { path: { name }, query: { workspace } },
      body: { upload_id: id, format },
      signal,
    }),
  ) as Promise<Version>;
}
