import { useEffect, useRef, useState } from "react";

/** The value, changing once in `wait` milliseconds at most; the last change always arrives. */
export function useSettled<T>(value: T, wait: number): T {
  const [settled, setSettled] = useState(value);
  const changed = useRef(-Infinity);
  useEffect(() => {
    const rest = Math.max(0, changed.current + wait - performance.now());
    const timer = setTimeout(() => {
      changed.current = performance.now();
      setSettled(value);
    }, rest);
    return () => clearTimeout(timer);
  }, [value, wait]);
  return settled;
}
