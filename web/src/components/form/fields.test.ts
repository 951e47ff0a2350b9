import { expect, test } from "vitest";
import { ApiError } from "@/lib/api";
import { type Field, listOf, textOf, wordsBeside } from "./fields";

const FIELDS: Field[] = [
  { name: "name", label: "Name" },
  { name: "url", label: "Address" },
];

test("the server's words stand beside the field that they are about", () => {
  const error = new ApiError(422, "invalid", "Wrong", "wrong", [
    { field: "body.name", message: "too long" },
    { field: "body.labels.url2", message: "no" },
  ]);
  expect([...wordsBeside(error, FIELDS)]).toEqual([["name", "too long"]]);
  expect(wordsBeside(new Error("x"), FIELDS).size).toBe(0);
});

test("values are read as what they are", () => {
  expect(textOf({ a: "  b " }, "a")).toBe("b");
  expect(textOf({ a: true }, "a")).toBe("");
  expect(listOf({ a: ["x"] }, "a")).toEqual(["x"]);
  expect(listOf({ a: "x" }, "a")).toEqual([]);
});
