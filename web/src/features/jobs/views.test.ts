import { describe, expect, it } from "vitest";
import { NO_FILTERS } from "./filters";
import { BUILT_IN, MOST_VIEWS, parseViews, type View, withView, writeViews } from "./views";

const mine = { name: "Mine", filters: { ...NO_FILTERS, q: "iris", status: ["failed" as const] } };

describe("views", () => {
  it("are kept as they are", () => {
    expect(parseViews(writeViews([mine, ...BUILT_IN]))).toEqual([mine, ...BUILT_IN]);
  });

  it("are forgotten where they cannot be read", () => {
    for (const text of [null, "", "{", "{}", "7", '[1, null, ["", "q=a"], ["a"], [2, "q"]]']) {
      expect(parseViews(text)).toEqual([]);
    }
  });

  it("replace one of the same name, and do not grow without end", () => {
    expect(withView([mine], { ...mine, filters: NO_FILTERS })).toEqual([
      { name: "Mine", filters: NO_FILTERS },
    ]);
    let views: View[] = [mine];
    for (let at = 0; at < 50; at++) views = withView(views, { ...mine, name: `view ${at}` });
    expect(views).toHaveLength(MOST_VIEWS);
    expect(views.at(-1)?.name).toBe("view 49");
  });
});
