import { useEffect, useRef } from "react";
import { useNavigate } from "react-router";
import { paths } from "@/lib/paths";

/** After "g": where the letter leads. */
export const PLACES: Record<string, string> = {
  o: paths.overview,
  j: paths.jobs,
  n: paths.newJob,
  s: paths.studies,
  w: paths.workers,
  d: paths.datasets,
  m: paths.models,
};
const WITHIN_MS = 1_000;

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Ctrl+K (or /) opens the palette; "g" and a letter goes somewhere. */
export function useShortcuts({ onPalette }: { onPalette: () => void }): void {
  const navigate = useNavigate();
  const begun = useRef(0);
  const palette = useRef(onPalette);
  useEffect(() => {
    palette.current = onPalette;
  });
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        palette.current();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (event.key === "/") {
        event.preventDefault();
        palette.current();
      } else if (event.key === "g") {
        begun.current = event.timeStamp;
      } else if (event.timeStamp - begun.current < WITHIN_MS && event.key in PLACES) {
        begun.current = 0;
        void navigate(PLACES[event.key]!);
      }
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [navigate]);
}
