import { useState } from "react";
import { same } from "../spec/parameters";

/**
 * The text of a field whose value stands in the job file: what somebody is typing ("1e-", "0.10") stays as typed as long
 * as the file says what it means.
 */
export function useTyped(value: unknown, show: (value: unknown) => string, read: (text: string) => unknown) {
  const [typed, setTyped] = useState<{ text: string; value: unknown } | null>(null);
  const text = typed !== null && same(typed.value, value) ? typed.text : show(value);
  return {
    text,
    /** What is meant, to be written. */
    type: (next: string): unknown => {
      const meant = read(next);
      setTyped({ text: next, value: meant });
      return meant;
    },
  };
}
