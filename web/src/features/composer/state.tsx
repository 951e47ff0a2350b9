/** The job file in the making: one text, which the board and the editor both change. */
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import type { WrongField } from "@/lib/api";
import { useSession } from "@/lib/session";
import { keepDraft, readDraft } from "./draft";
import { edit, type Edit, type Path, read, type Wrong } from "./spec/document";
import type { Job } from "./spec/spec";

export interface Composer {
  text: string;
  /** What the text says, or said before it broke. */
  job: Job;
  /** Why the text cannot be read now. */
  wrong: Wrong[];
  setText: (text: string) => void;
  apply: (edits: readonly Edit[]) => void;
  set: (path: Path, value: unknown) => void;
}

export function firstText(workspace: string): string {
  return workspace === "default"
    ? "name: new-job\n"
    : `name: new-job\nworkspace: ${JSON.stringify(workspace)}\n`;
}

export function useComposer(given: string | null): Composer {
  const { caller, homeWorkspace } = useSession();
  const [text, setText] = useState(
    () => given ?? readDraft(caller.username)?.text ?? firstText(homeWorkspace),
  );
  const reading = useMemo(() => read(text), [text]);
  const [good, setGood] = useState<Job>(reading.value);
  if (reading.wrong.length === 0 && good !== reading.value) setGood(reading.value);
  const first = useRef(text);
  useEffect(() => {
    if (text !== first.current) keepDraft(caller.username, { text });
  }, [text, caller.username]);
  const apply = useCallback((edits: readonly Edit[]) => setText((before) => edit(before, edits)), []);
  const set = useCallback((path: Path, value: unknown) => apply([[path, value]]), [apply]);
  return useMemo(
    () => ({ text, job: good, wrong: reading.wrong, setText, apply, set }),
    [text, good, reading.wrong, apply, set],
  );
}

export interface Board extends Composer {
  /** What the server says is wrong, field by field. */
  refused: readonly WrongField[];
}

const Context = createContext<Board | null>(null);
export const BoardProvider = Context.Provider;

export function useBoard(): Board {
  const board = useContext(Context);
  if (board === null) throw new Error("outside of BoardProvider");
  return board;
}
