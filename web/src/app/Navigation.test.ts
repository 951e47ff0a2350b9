import { expect, test } from "vitest";
import { currentOf } from "./Navigation";

const places = ["/", "/jobs", "/jobs/new", "/models"];

test.each([
  ["/", "/"],
  ["/jobs", "/jobs"],
  ["/jobs/j-1/logs", "/jobs"],
  ["/jobs/new", "/jobs/new"],
  ["/modelsx", undefined],
])("at %s one is at %s", (pathname, place) => expect(currentOf(places, pathname)).toBe(place));
