import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { uploadDataset, type Version } from "@/lib/upload";

export interface Wanted {
  file: File;
  name: string;
  target: string;
  workspace: string;
}

/** One upload at a time, that can be stopped; it stops by itself when its place on the page is gone. */
export function useUpload(onDone: (version: Version, wanted: Wanted) => void) {
  const queries = useQueryClient();
  const [progress, setProgress] = useState<{ done: number; total: number } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const send = async (wanted: Wanted) => {
    const control = new AbortController();
    running.current = control;
    setError(null);
    setProgress({ done: 0, total: wanted.file.size });
    try {
      const version = await uploadDataset(wanted.file, {
        ...wanted,
        signal: control.signal,
        onProgress: (done, total) => setProgress({ done, total }),
      });
      void queries.invalidateQueries({ queryKey: ["datasets"] });
      onDone(version, wanted);
    } catch (found) {
      if (!control.signal.aborted) setError(found);
    } finally {
      setProgress(null);
    }
  };
  return { send, stop: () => running.current?.abort(), progress, error };
}
