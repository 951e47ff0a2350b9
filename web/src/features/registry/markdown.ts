/**
 * A small part of Markdown as data: headings, paragraphs, lists, tables, code, strong and emphasised text, links to the web.
 * Everything else, HTML included, stays the text that it is.
 */
export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong"; of: Inline[] }
  | { kind: "emphasis"; of: Inline[] }
  | { kind: "link"; to: string; of: Inline[] };

export type Block =
  | { kind: "heading"; level: number; of: Inline[] }
  | { kind: "paragraph"; of: Inline[] }
  | { kind: "list"; ordered: boolean; items: Inline[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "code"; text: string };

const HEADING = /^(#{1,6})\s+(.*?)\s*#*\s*$/;
const ITEM = /^\s{0,3}([-*+]|\d{1,9}[.)])\s+(.*)$/;
const FENCE = /^\s{0,3}(```+|~~~+)/;
const RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const DEPTH = 4;

export function parseMarkdown(source: string): Block[] {
  const lines = source.replace(/\r\n?/g, "\n").split("\n");
  const blocks: Block[] = [];
  let at = 0;
  const take = (wanted: (line: string) => boolean): string[] => {
    const begin = at;
    while (at < lines.length && wanted(lines[at]!)) at++;
    return lines.slice(begin, at);
  };
  while (at < lines.length) {
    const line = lines[at]!;
    const heading = HEADING.exec(line);
    const fence = FENCE.exec(line)?.[1];
    if (!line.trim()) at++;
    else if (fence) {
      at++;
      const text = take((one) => !one.trimStart().startsWith(fence)).join("\n");
      at++;
      blocks.push({ kind: "code", text });
    } else if (heading) {
      at++;
      blocks.push({ kind: "heading", level: heading[1]!.length, of: inline(heading[2]!) });
    } else if (isTable(lines, at)) {
      const head = cells(line);
      at += 2;
      const rows = take((one) => one.includes("|") && one.trim() !== "").map(cells);
      blocks.push({ kind: "table", head, rows });
    } else if (ITEM.test(line)) {
      const ordered = /\d/.test(ITEM.exec(line)![1]!);
      const items = take((one) => ITEM.test(one)).map((one) => inline(ITEM.exec(one)![2]!));
      blocks.push({ kind: "list", ordered, items });
    } else {
      const first = at;
      const text = take((one) => at === first || !begins(lines, at, one)).join("\n");
      blocks.push({ kind: "paragraph", of: inline(text.trim()) });
    }
  }
  return blocks;
}

function begins(lines: string[], at: number, line: string): boolean {
  return !line.trim() || HEADING.test(line) || FENCE.test(line) || ITEM.test(line) || isTable(lines, at);
}

function isTable(lines: string[], at: number): boolean {
  return (
    lines[at]!.includes("|") &&
    at + 1 < lines.length &&
    lines[at + 1]!.includes("-") &&
    RULE.test(lines[at + 1]!)
  );
}

/** Between bars that no backslash stands before. */
function cells(line: string): Inline[][] {
  const inner = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "");
  return inner.split(/(?<!\\)\|/).map((one) => inline(one.trim()));
}

const TOKEN =
  /\\([!-/:-@[-`{-~])|(`+)([^`]+?)\2(?!`)|\*\*(?=\S)([^*]+?)\*\*|__(?=\S)([^_]+?)__|\*(?=\S)([^*]+?)\*|\b_(?=\S)([^_]+?)_\b|\[([^\][]{1,500})\]\(([^()\s]{1,2000})\)/;

export function inline(text: string, depth = 0): Inline[] {
  const found: Inline[] = [];
  const say = (more: string) => {
    const last = found.at(-1);
    if (last?.kind === "text") last.text += more;
    else if (more) found.push({ kind: "text", text: more });
  };
  let rest = text;
  while (rest) {
    const token = depth < DEPTH ? TOKEN.exec(rest) : null;
    if (!token) break;
    say(rest.slice(0, token.index));
    const [whole, escaped, , code, strong, strongToo, emphasis, emphasisToo, label, address] = token;
    if (escaped !== undefined) say(escaped);
    else if (code !== undefined) found.push({ kind: "code", text: code });
    else if (label !== undefined && address !== undefined) {
      if (isWeb(address)) found.push({ kind: "link", to: address, of: inline(label, depth + 1) });
      else say(whole);
    } else if (strong ?? strongToo)
      found.push({ kind: "strong", of: inline((strong ?? strongToo)!, depth + 1) });
    else found.push({ kind: "emphasis", of: inline((emphasis ?? emphasisToo)!, depth + 1) });
    rest = rest.slice(token.index + whole.length);
  }
  say(rest);
  return found;
}

function isWeb(address: string): boolean {
  return /^https?:\/\//i.test(address) && URL.canParse(address);
}
