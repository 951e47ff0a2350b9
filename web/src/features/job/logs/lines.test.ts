import { expect, test } from "vitest";
import { LogLines, matches, MOST_LINES } from "./lines";

let id = 0;
const piece = (text: string, rank = 0, attempt = 1) => ({
  id: ++id,
  rank,
  attempt,
  at: "2026-01-01T00:00:00Z",
  text,
});
const texts = (log: LogLines) => log.lines.map((line) => line.text);

test("a line that begins in one piece ends in the next, also with another rank between", () => {
  const log = new LogLines();
  log.add([piece("one\ntw"), piece("other\n", 1), piece("o\nthree")]);
  expect(texts(log)).toEqual(["one", "two", "other", "three"]);
  expect(log.lines[1]!.rank).toBe(0);
  expect(log.ranks()).toEqual([0, 1]);
});

test("empty lines are lines, and a later attempt does not go on with a line of the one before", () => {
  const log = new LogLines();
  log.add([piece("a\n\nb"), piece("c\n", 0, 2)]);
  expect(texts(log)).toEqual(["a", "", "b", "c"]);
});

test("a piece that is told twice counts once", () => {
  const log = new LogLines();
  const first = piece("a\n");
  expect(log.add([first])).toBe(true);
  expect(log.add([first])).toBe(false);
  expect(texts(log)).toEqual(["a"]);
});

test("of a progress bar the last state is shown, with \\r\\n as an end of a line", () => {
  const log = new LogLines();
  log.add([piece(" 10%\r 50%\r"), piece("100%\r\nnext\r\n")]);
  expect(texts(log)).toEqual(["100%", "next"]);
});

test("is bounded, and says how much is gone", () => {
  const log = new LogLines();
  for (let at = 0; at < 25; at++) log.add([piece("x\n".repeat(10_000))]);
  expect(log.lines.length).toBeLessThanOrEqual(MOST_LINES);
  expect(log.lines.length + log.dropped).toBe(250_000);
});

test("a line without an end is cut, not kept for ever", () => {
  const log = new LogLines();
  for (let at = 0; at < 10; at++) log.add([piece("y".repeat(10_000))]);
  expect(log.lines[0]!.text.length).toBeLessThan(21_000);
});

test("colours are not searched in", () => {
  const log = new LogLines();
  log.add([piece("\x1b[31mER\x1b[0mROR\nfine\n")]);
  expect(matches(log.lines, "error")).toEqual([0]);
  expect(matches(log.lines, "")).toEqual([]);
});
