/** Hyperparameters as a form: what a JSON schema lets one write, and what becomes of what is typed. */
import { parse } from "yaml";
import { isMapping, type Mapping } from "./spec";

export interface Parameter {
  name: string;
  description: string;
  default: unknown;
  /** All that it can be, if that is a short list. */
  choices: unknown[] | null;
  /** Words that it can be besides numbers, such as "sqrt". */
  words: string[];
  types: Set<string>;
  low?: number;
  high?: number;
  /** Whether the ends themselves are not allowed. */
  above: boolean;
  below: boolean;
}

function ways(schema: Mapping): Mapping[] {
  const found = schema.anyOf ?? schema.oneOf;
  return Array.isArray(found) ? found.filter(isMapping).flatMap(ways) : [schema];
}

function numberOf(...candidates: unknown[]): number | undefined {
  return candidates.find((one): one is number => typeof one === "number");
}

function wordsOf(way: Mapping): unknown[] {
  if ("const" in way) return [way.const];
  return Array.isArray(way.enum) ? way.enum : [];
}

export function parameterOf(name: string, schema: Mapping): Parameter {
  const all = ways(schema);
  const types = new Set(all.map((way) => (typeof way.type === "string" ? way.type : "any")));
  const numeric = all.find((way) => way.type === "number" || way.type === "integer") ?? {};
  const low = numberOf(numeric.exclusiveMinimum, numeric.minimum);
  const high = numberOf(numeric.exclusiveMaximum, numeric.maximum);
  const listed = all.every((way) => wordsOf(way).length > 0 || way.type === "null" || way.type === "boolean");
  const choices = all.flatMap((way) => {
    if (way.type === "boolean") return [true, false];
    return way.type === "null" ? [null] : wordsOf(way);
  });
  return {
    name,
    description: typeof schema.description === "string" ? schema.description : "",
    default: schema.default,
    choices: listed ? choices : null,
    words: all.flatMap(wordsOf).filter((one): one is string => typeof one === "string"),
    types,
    ...(low === undefined ? {} : { low }),
    ...(high === undefined ? {} : { high }),
    above: typeof numeric.exclusiveMinimum === "number",
    below: typeof numeric.exclusiveMaximum === "number",
  };
}

/** In the order in which the algorithm names them: what matters most comes first. */
export function parametersOf(schema: Mapping): Parameter[] {
  const named = isMapping(schema.properties) ? schema.properties : {};
  return Object.entries(named).map(([name, one]) => parameterOf(name, isMapping(one) ? one : {}));
}

export function matching(parameters: Parameter[], search: string): Parameter[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return parameters.filter((one) =>
    words.every((word) => `${one.name} ${one.description}`.toLowerCase().includes(word)),
  );
}

/** As it would stand in YAML, on one line. */
export function shownValue(value: unknown): string {
  if (value === undefined) return "";
  if (value === null) return "null";
  if (typeof value === "string") return value;
  return JSON.stringify(value).replaceAll(",", ", ");
}

/** What is meant by what is typed; undefined by nothing. */
export function typedValue(text: string, types: ReadonlySet<string> = new Set(["any"])): unknown {
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  const onlyText = types.has("string") && types.size === 1;
  if (onlyText) return trimmed;
  const asNumber = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed) ? Number(trimmed) : NaN;
  if (Number.isFinite(asNumber)) return asNumber;
  try {
    return parse(trimmed, { maxAliasCount: 0 }) as unknown;
  } catch {
    return trimmed;
  }
}

export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What goes into the file: nothing for what is so anyway. */
export function worthWriting(parameter: Parameter, value: unknown): unknown {
  return same(value, parameter.default) ? undefined : value;
}

/** "above 0, at most 1". */
export function limits(
  parameter: Parameter,
  t: (key: string, values: Record<string, number>) => string,
): string {
  const said: string[] = [];
  if (parameter.low !== undefined)
    said.push(t(parameter.above ? "above" : "atLeast", { value: parameter.low }));
  if (parameter.high !== undefined)
    said.push(t(parameter.below ? "below" : "atMost", { value: parameter.high }));
  return said.join(", ");
}
