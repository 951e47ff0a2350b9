import { expect, test } from "vitest";
import { Redraw } from "./redraw";

function screen() {
  let [now, next] = [0, null as (() => void) | null];
  return {
    frames: {
      now: () => now,
      request: (draw: () => void) => ((next = draw), 1),
      cancel: () => (next = null),
    },
    pass: (ms: number) => (now += ms),
    frame() {
      const draw = next;
      next = null;
      draw?.();
    },
  };
}

test("each chart at most four times a second, however often it is asked for", () => {
  const one = screen();
  const redraw = new Redraw(one.frames);
  let drawn = 0;
  const draw = () => (drawn += 1);
  for (let frame = 0; frame < 60; frame++) {
    redraw.ask(draw);
    redraw.ask(draw);
    one.frame();
    one.pass(1000 / 60);
  }
  expect(drawn).toBe(4);
});

test("a frame takes no more than its share; the rest is drawn in the next ones, none is left out", () => {
  const one = screen();
  const redraw = new Redraw(one.frames);
  const drawn: number[] = [];
  const charts = Array.from({ length: 10 }, (_, at) => () => {
    drawn.push(at);
    one.pass(3);
  });
  charts.forEach((draw) => redraw.ask(draw));
  one.frame();
  expect(drawn).toEqual([0, 1]);
  for (let frame = 0; frame < 5; frame++) one.frame();
  expect(drawn).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("what is not shown any more is not drawn", () => {
  const one = screen();
  const redraw = new Redraw(one.frames);
  let drawn = 0;
  const draw = () => (drawn += 1);
  redraw.ask(draw);
  redraw.forget(draw);
  one.frame();
  expect(drawn).toBe(0);
});
