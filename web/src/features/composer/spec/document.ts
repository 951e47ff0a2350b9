/** The job file as text: read, edited in single places, and asked for lines.  Comments and order stay. */
import {
  Document,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  Scalar,
  YAMLMap,
} from "yaml";

export type Path = readonly (string | number)[];
/** What to set where; undefined takes it out. */
export type Edit = readonly [path: Path, value: unknown];

export interface Wrong {
  /** From 1. */
  line: number;
  column: number;
  message: string;
}

export interface Reading {
  value: Record<string, unknown>;
  /** Why it cannot be read; empty if it can. */
  wrong: Wrong[];
}

export const MOST_CHARACTERS = 1_000_000;
const FEW_ALIASES = 100;

function parsed(text: string, lines = new LineCounter()): Document.Parsed {
  return parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
}

export function read(text: string): Reading {
  if (text.length > MOST_CHARACTERS) {
    return { value: {}, wrong: [{ line: 1, column: 1, message: "longer than 1,000,000 characters" }] };
  }
  const lines = new LineCounter();
  const document = parsed(text, lines);
  const wrong = document.errors.map((error) => {
    const at = lines.linePos(Math.min(error.pos[0], text.length));
    return { line: Math.max(at.line, 1), column: Math.max(at.col, 1), message: error.message };
  });
  if (wrong.length) return { value: {}, wrong };
  if (document.contents === null) return { value: {}, wrong: [] };
  if (!isMap(document.contents)) {
    return { value: {}, wrong: [{ line: 1, column: 1, message: "not a mapping such as `name: iris`" }] };
  }
  try {
    return { value: document.toJS({ maxAliasCount: FEW_ALIASES }) as Record<string, unknown>, wrong: [] };
  } catch (error) {
    return { value: {}, wrong: [{ line: 1, column: 1, message: String(error) }] };
  }
}

/** The text with the edits made; what they do not touch stays as it was written. */
export function edit(text: string, edits: readonly Edit[]): string {
  return edits.reduce((before, [path, value]) => editOne(before, path, value), text);
}

function editOne(text: string, path: Path, value: unknown): string {
  const document = parsed(text);
  if (document.errors.length) return text;
  if (JSON.stringify(plain(document, path)) === JSON.stringify(value)) return text;
  if (value === undefined) {
    if (!document.hasIn(path)) return text;
    remove(document, path);
    return shown(document, text);
  }
  const spliced = splice(text, document.getIn(path, true), value);
  if (spliced !== null) return spliced;
  put(document, path, value);
  return shown(document, text);
}

/** One plain value by another, letter by letter: not even a space beside it changes. */
function splice(text: string, node: unknown, value: unknown): string | null {
  if (!isScalar(node) || !node.range || node.anchor || node.tag || typeof value === "object") return null;
  if (node.type !== Scalar.PLAIN && node.type !== Scalar.QUOTE_DOUBLE && node.type !== Scalar.QUOTE_SINGLE) {
    return null;
  }
  const [from, to] = node.range;
  return from === to ? null : text.slice(0, from) + scalarText(value) + text.slice(to);
}

function scalarText(value: unknown): string {
  const written = new Document(value).toString({ lineWidth: 0 }).trimEnd();
  const harmless = typeof value !== "string" || /^[\w.@/ +-]+$/.test(written);
  return harmless ? written : JSON.stringify(value);
}

function put(document: Document, path: Path, value: unknown): void {
  if (!isMap(document.contents)) {
    document.contents = new YAMLMap(document.schema);
  }
  for (let depth = 1; depth < path.length; depth += 1) {
    const above = path.slice(0, depth);
    if (!isCollection(document.getIn(above, true))) document.setIn(above, new YAMLMap(document.schema));
  }
  const node = document.createNode(value);
  shape(node, path);
  const before = document.getIn(path, true);
  if (isNode(before) && before.comment) node.comment = before.comment;
  document.setIn(path, node);
}

/** Lists, and what a study varies, stand on one line, as in the docs. */
function shape(node: unknown, path: Path): void {
  if (!isCollection(node)) return;
  const parts: unknown[] = node.items.map((item) => (isPair(item) ? item.value : item));
  const isRange = path[0] === "tune" && (path[1] === "objective" || (path[1] === "space" && path.length > 2));
  node.flow = isRange || (!isMap(node) && !parts.some(isMap));
  node.items.forEach((item, index) => {
    if (isPair(item)) shape(item.value, [...path, nameOf(item.key)]);
    else shape(item, [...path, index]);
  });
}

function plain(document: Document, path: Path): unknown {
  const found = document.getIn(path, true);
  return isNode(found) ? (found.toJS(document) as unknown) : found;
}

/** Takes a field out, and what is empty above it then.  What somebody noted about it stays. */
function remove(document: Document, path: Path): void {
  const above = path.slice(0, -1);
  const parent = document.getIn(above, true);
  const notes = isMap(parent) ? notesOf(parent, path.at(-1)) : [];
  const following = isMap(parent) ? after(parent, path.at(-1)) : null;
  document.deleteIn(path);
  const emptied = isMap(parent) && parent.items.length === 0;
  if (following) following.commentBefore = joined([...notes, following.commentBefore]);
  else if (emptied || !isMap(parent)) document.comment = joined([document.comment, ...notes]);
  else parent.comment = joined([parent.comment, ...notes]);
  if (above.length && emptied) remove(document, above);
}

type Commented = { commentBefore?: string | null; comment?: string | null };

function notesOf(map: YAMLMap, name: unknown): (string | null | undefined)[] {
  const pair = map.items.find((one) => nameOf(one.key) === String(name));
  const [key, value] = [pair?.key as Commented | undefined, pair?.value as Commented | undefined];
  return [key?.commentBefore, key?.comment, value?.commentBefore, value?.comment];
}

function after(map: YAMLMap, name: unknown): Commented | null {
  const place = map.items.findIndex((one) => nameOf(one.key) === String(name));
  const found = map.items[place + 1]?.key;
  return isNode(found) ? found : null;
}

function nameOf(key: unknown): string {
  return String(isNode(key) ? key.toJSON() : key);
}

function joined(comments: (string | null | undefined)[]): string | null {
  return comments.filter(Boolean).join("\n") || null;
}

function shown(document: Document, before: string): string {
  if (isMap(document.contents) && document.contents.items.length === 0) {
    const notes = joined([document.commentBefore, document.contents.comment, document.comment]);
    return notes === null ? "" : `${notes.replaceAll(/^/gm, "#")}\n`;
  }
  return document.toString({
    lineWidth: 0,
    flowCollectionPadding: before.includes("[ "),
    indentSeq: !/:\n- /.test(before),
  });
}

export function write(value: unknown): string {
  return edit(
    "",
    Object.entries(value as Record<string, unknown>).map(([key, one]) => [[key], one] as const),
  );
}

/** The line of a field that the server names, such as `resources.workers`; of what is above it if it is not there. */
export function lineOf(text: string, field: string): number {
  const lines = new LineCounter();
  const document = parsed(text, lines);
  let line = 1;
  let node: unknown = document.contents;
  let rest = field.split(".").filter(Boolean);
  while (rest.length && isCollection(node)) {
    const step = next(node, rest);
    if (step === null) break;
    if (step.offset !== undefined) line = lines.linePos(step.offset).line;
    node = step.node;
    rest = step.rest;
  }
  return Math.max(line, 1);
}

interface Step {
  offset?: number;
  node: unknown;
  rest: string[];
}

/** Names may hold dots themselves: the longest that is there is meant. */
function next(collection: { items: unknown[] }, rest: string[]): Step | null {
  for (let many = rest.length; many > 0; many -= 1) {
    const name = rest.slice(0, many).join(".");
    const found = collection.items.find((item, at) =>
      isPair(item) ? nameOf(item.key) === name : String(at) === name,
    );
    if (found === undefined) continue;
    const [key, node] = isPair(found) ? [found.key, found.value] : [found, found];
    const offset = isNode(key) ? key.range?.[0] : undefined;
    return { node, rest: rest.slice(many), ...(offset === undefined ? {} : { offset }) };
  }
  return null;
}
