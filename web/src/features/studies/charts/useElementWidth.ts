import { type RefObject, useEffect, useRef, useState } from "react";

/** How wide an element is now; 0 before it has been measured. */
export function useElementWidth<E extends HTMLElement>(): [RefObject<E | null>, number] {
  const element = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const one = element.current;
    if (one === null) return;
    const sized = new ResizeObserver(() => setWidth(one.clientWidth));
    sized.observe(one);
    return () => sized.disconnect();
  }, []);
  return [element, width];
}
