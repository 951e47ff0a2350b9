import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useSettled } from "./useSettled";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("many changes in three seconds come through once, and the last one always does", () => {
  const seen = new Set<number>();
  const { result, rerender } = renderHook(
    ({ value }: { value: number }) => {
      const settled = useSettled(value, 4_000);
      seen.add(settled);
      return settled;
    },
    { initialProps: { value: 0 } },
  );
  act(() => void vi.advanceTimersByTime(10));
  for (let value = 1; value <= 200; value += 1) {
    rerender({ value });
    act(() => void vi.advanceTimersByTime(15));
  }
  expect(seen.size).toBeLessThanOrEqual(2);
  act(() => void vi.advanceTimersByTime(4_000));
  expect(result.current).toBe(200);
});
