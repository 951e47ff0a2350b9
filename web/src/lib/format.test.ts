import { expect, test } from "vitest";
import { ago, between, bytes, duration, figure, percent } from "./format";

test.each([
  [0.045, "45 ms"],
  [12.34, "12.3 s"],
  [75, "1 min 15 s"],
  [3840, "1 h 4 min"],
  [90_000, "1 d 1 h"],
  [null, "–"],
])("%s seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

test.each([
  [0, "0 B"],
  [1023, "1,023 B"],
  [1536, "1.5 KiB"],
  [5 * 2 ** 30, "5 GiB"],
])("%s bytes are %s", (amount, text) => expect(bytes(amount)).toBe(text));

test("how long ago", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  expect(ago("2026-01-01T11:57:00Z", now)).toBe("3 minutes ago");
  expect(ago("2026-01-01T14:00:00Z", now)).toBe("in 2 hours");
});

test("from a start to an end, or to now", () => {
  expect(between("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z")).toBe(60);
  expect(between(null, null)).toBeNull();
});

test("figures of metrics", () => {
  expect(figure(0.966666)).toBe("0.96667");
  expect(figure(1e-9)).toBe("1.000e-9");
  expect(figure(null)).toBe("–");
  expect(percent(0.5)).toBe("50%");
});
