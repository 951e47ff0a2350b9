import { expect, test } from "vitest";
import type { Caller } from "@/lib/session";
import { allOf, clientOf, kindOf } from "./who";

const ANNA: Caller = {
  user_id: "u-1",
  username: "anna",
  via: "session",
  everywhere: ["jobs:read"],
  workspaces: { vision: ["jobs:write", "jobs:read"] },
};

test("only a person has a password and keys of its own", () => {
  expect(kindOf(ANNA)).toBe("person");
  expect(kindOf({ ...ANNA, via: "key" })).toBe("key");
  expect(kindOf({ ...ANNA, user_id: "root" })).toBe("owner");
});

test("a key may be narrowed to what its owner may, anywhere", () => {
  expect(allOf(ANNA)).toEqual(["jobs:read", "jobs:write"]);
});

test("sessions are told apart by what people know them by", () => {
  const firefox = "10.0.0.7 Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
  const edge = "::1 Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0";
  expect(clientOf(firefox)).toEqual(["10.0.0.7", "Firefox, Linux"]);
  expect(clientOf(edge)).toEqual(["::1", "Edge, Windows"]);
  expect(clientOf("::1 tensorfleet/0.1")).toEqual(["::1", "tensorfleet/0.1"]);
  expect(clientOf("::1 Mozilla/5.0 <b>")).toEqual(["::1", "Mozilla/5.0 <b>"]);
  expect(clientOf(null)).toEqual(["", ""]);
});
