/**
 * Spreads redrawing over the frames of the screen.
 *
 * A chart that has something new is drawn at most every `EVERY_MS`, and in each frame only as many as a few
 * milliseconds are enough for: however fast points come, the page stays smooth.
 */
const EVERY_MS = 250;
const BUDGET_MS = 4;

export interface Frames {
  now: () => number;
  request: (draw: () => void) => number;
  cancel: (handle: number) => void;
}

const SCREEN: Frames = {
  now: () => performance.now(),
  request: (draw) => requestAnimationFrame(draw),
  cancel: (handle) => cancelAnimationFrame(handle),
};

export class Redraw {
  private readonly waiting = new Set<() => void>();
  private readonly drawnAt = new Map<() => void, number>();
  private handle: number | null = null;

  constructor(private readonly frames: Frames = SCREEN) {}

  /** Has it drawn soon; asking again before that changes nothing. */
  ask(draw: () => void): void {
    this.waiting.add(draw);
    this.handle ??= this.frames.request(this.frame);
  }

  forget(draw: () => void): void {
    this.waiting.delete(draw);
    this.drawnAt.delete(draw);
  }

  stop(): void {
    if (this.handle !== null) this.frames.cancel(this.handle);
    this.handle = null;
    this.waiting.clear();
  }

  private readonly frame = (): void => {
    this.handle = null;
    const began = this.frames.now();
    // Who has waited longest stands first: a set keeps the order of asking.
    for (const draw of [...this.waiting]) {
      const now = this.frames.now();
      if (now - began > BUDGET_MS) break;
      if (now - (this.drawnAt.get(draw) ?? -Infinity) < EVERY_MS) continue;
      this.waiting.delete(draw);
      this.drawnAt.set(draw, now);
      draw();
    }
    if (this.waiting.size) this.handle ??= this.frames.request(this.frame);
  };
}
