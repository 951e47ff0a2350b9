import { expect, test } from "vitest";
import { marked, plain, spans } from "./ansi";

test("colours and weights, until they end", () => {
  expect(spans("\x1b[1;31merror\x1b[0m: \x1b[92mok\x1b[39m.")).toEqual([
    { text: "error", bold: true, color: "red" },
    { text: ": " },
    { text: "ok", color: "green" },
    { text: "." },
  ]);
});

test.each([
  ["\x1b[38;5;196mx", "red"],
  ["\x1b[38;5;21mx", "blue"],
  ["\x1b[38;2;250;200;0mx", "yellow"],
  ["\x1b[38;5;240mx", "grey"],
  ["\x1b[48;5;196;32mx", "green"],
])("%j is the nearest colour that can be read", (raw, color) => expect(spans(raw)[0]!.color).toBe(color));

test.each([
  ["a\x1b[2Kb", "ab"],
  ["\x1b]0;title\x07c", "c"],
  ["\x1b]8;;http://x\x1b\\link", "link"],
  ["bell\x07", "bell"],
  ["cut\x1b[3", "cut[3"],
  ["<script>alert(1)</script>", "<script>alert(1)</script>"],
  ["tab\there", "tab\there"],
])("what is no text of %j goes, what is text stays", (raw, text) => expect(plain(raw)).toBe(text));

test("what is searched for is marked across colours, whatever the case", () => {
  const found = marked(spans("an \x1b[31mERR\x1b[0mor"), "error");
  expect(found.map((one) => [one.text, one.hit])).toEqual([
    ["an ", false],
    ["ERR", true],
    ["or", true],
  ]);
  expect(found.map((one) => one.text).join("")).toBe("an ERRor");
});
