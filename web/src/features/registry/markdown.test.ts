import { expect, test } from "vitest";
import { inline, parseMarkdown } from "./markdown";

const text = (of: string) => ({ kind: "text", text: of });

test("headings, paragraphs, lists and code", () => {
  const found = parseMarkdown(
    "# A b #\n\none\ntwo\n- x\n- y\n\n1. z\n\n```py\n# no | heading\n|-|\n```\nend",
  );
  expect(found).toEqual([
    { kind: "heading", level: 1, of: [text("A b")] },
    { kind: "paragraph", of: [text("one\ntwo")] },
    { kind: "list", ordered: false, items: [[text("x")], [text("y")]] },
    { kind: "list", ordered: true, items: [[text("z")]] },
    { kind: "code", text: "# no | heading\n|-|" },
    { kind: "paragraph", of: [text("end")] },
  ]);
});

test("tables, with bars that are text", () => {
  expect(parseMarkdown("|  |  |\n| --- | --- |\n| a\\|b | 1 |\n\nend")[0]).toEqual({
    kind: "table",
    head: [[], []],
    rows: [[[text("a|b")], [text("1")]]],
  });
});

test("inline", () => {
  expect(inline("a **b** *c* `d*e*` \\*f\\* snake_case_name")).toEqual([
    text("a "),
    { kind: "strong", of: [text("b")] },
    text(" "),
    { kind: "emphasis", of: [text("c")] },
    text(" "),
    { kind: "code", text: "d*e*" },
    text(" *f* snake_case_name"),
  ]);
});

test("links lead to the web alone", () => {
  expect(inline("[x](https://a.example/b)")).toEqual([
    { kind: "link", to: "https://a.example/b", of: [text("x")] },
  ]);
  for (const bad of ["javascript:alert`1`", "data:text/html,x", "//x", "JavaScript:x", "https://"])
    expect(inline(`[x](${bad})`).some((one) => one.kind === "link")).toBe(false);
});

test("HTML stays text", () => {
  const html = "<script>alert(1)</script><img src=x onerror=y>";
  expect(parseMarkdown(html)).toEqual([{ kind: "paragraph", of: [text(html)] }]);
});

test("hostile text ends soon", () => {
  const began = performance.now();
  for (const piece of ["*", "_", "`", "[", "[x](", "**a", "|", "\\", "- ", "#"]) {
    parseMarkdown(piece.repeat(5000));
    parseMarkdown(`${piece}\n`.repeat(2000));
  }
  expect(performance.now() - began).toBeLessThan(3000);
});

test("a bare heading or rule is no endless loop", () => {
  const kinds = parseMarkdown("|\n|\n---|\n#x\n```").map((one) => one.kind);
  expect(kinds).toEqual(["paragraph", "table", "paragraph", "code"]);
});
