import { expect, it } from "vitest";
import en from "../locales/en.json";
import { edit, read } from "./document";
import { needs } from "./spec";
import { TEMPLATES } from "./templates";

it.each(TEMPLATES.map((one) => [one.id, one.text]))("%s can be read, edited and submitted", (id, text) => {
  const { value, wrong } = read(text);
  expect(wrong).toEqual([]);
  expect(needs(value)).toEqual(id === "own-code" ? ["code"] : []);
  expect(en.template).toHaveProperty(id);
  expect(en.template).toHaveProperty(`${id}-about`);
  const after = edit(text, [[["seed"], 3]]);
  // Every comment and every line stays.
  for (const line of text.split("\n")) expect(after).toContain(line);
});

it("are all there, in their order", () => {
  expect(TEMPLATES[0]?.id).toBe("forest");
  expect(TEMPLATES).toHaveLength(7);
});
