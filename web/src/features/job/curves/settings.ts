/** How curves are looked at: kept in the browser, the same for all jobs. */
import { useCallback, useEffect, useState } from "react";
import type { Axis } from "./lines";

export interface Look {
  smoothing: number;
  logarithmic: boolean;
  axis: Axis;
  pinned: string[];
}

const KEPT = "tensorfleet.curves";
const MOST_PINNED = 200;
const USUAL: Look = { smoothing: 0, logarithmic: false, axis: "step", pinned: [] };

export function readLook(kept: string | null): Look {
  try {
    const found = JSON.parse(kept ?? "{}") as Partial<Look> | null;
    const smoothing = Number(found?.smoothing);
    return {
      smoothing: smoothing > 0 && smoothing < 1 ? smoothing : 0,
      logarithmic: found?.logarithmic === true,
      axis: found?.axis === "time" ? "time" : "step",
      pinned: Array.isArray(found?.pinned) ? found.pinned.map(String).slice(0, MOST_PINNED) : [],
    };
  } catch {
    return USUAL;
  }
}

type Change = Partial<Look> | ((before: Look) => Partial<Look>);

export function useLook(): [Look, (change: Change) => void] {
  const [look, setLook] = useState(() => readLook(localStorage.getItem(KEPT)));
  useEffect(() => localStorage.setItem(KEPT, JSON.stringify(look)), [look]);
  const change = useCallback(
    (different: Change) =>
      setLook((before) => ({
        ...before,
        ...(typeof different === "function" ? different(before) : different),
      })),
    [],
  );
  return [look, change];
}

export function pinned(names: readonly string[], name: string): string[] {
  return names.includes(name) ? names.filter((one) => one !== name) : [...names, name].slice(-MOST_PINNED);
}
