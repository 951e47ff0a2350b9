import { expect, test } from "vitest";

type Texts = { [key: string]: string | Texts };
const all = import.meta.glob<Texts>("../../**/locales/*.json", { eager: true, import: "default" });

function flat(texts: Texts, before = ""): [string, string][] {
  return Object.entries(texts).flatMap(([key, value]) =>
    typeof value === "string" ? [[before + key, value] as [string, string]] : flat(value, `${before}${key}.`),
  );
}

/** Plural forms differ between languages; their stem does not. */
const stem = (key: string) => key.replace(/_(zero|one|two|few|many|other)$/, "");
const blanks = (text: string) => [...text.matchAll(/\{\{\s*([^},\s]+)/g)].map((found) => found[1]).sort();

const english = Object.keys(all).filter((path) => path.endsWith("/en.json"));

test.each(english)("%s says the same in German", (path) => {
  const en = new Map(flat(all[path]!));
  const de = new Map(flat(all[path.replace("/en.json", "/de.json")] ?? {}));
  expect([...new Set([...de.keys()].map(stem))].sort()).toEqual(
    [...new Set([...en.keys()].map(stem))].sort(),
  );
  for (const [key, text] of en)
    if (de.has(key)) expect([key, blanks(de.get(key)!)]).toEqual([key, blanks(text)]);
});

test("there are texts", () => {
  expect(english.length).toBeGreaterThan(5);
});
