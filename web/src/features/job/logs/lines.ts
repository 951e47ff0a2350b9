/** What the tasks of a job wrote, as lines: bounded, outside of React.  A piece may begin and end within a line. */
import { plain } from "./ansi";

export interface Line {
  rank: number;
  attempt: number;
  /** When its beginning came. */
  at: string;
  /** As it was written, with colours. */
  raw: string;
  /** Without them: what is searched in and copied. */
  text: string;
}

export interface Piece {
  id: number;
  rank: number;
  attempt: number;
  at: string;
  text: string;
}

export const MOST_LINES = 200_000;
const MOST_CHARACTERS = 64_000_000;
const LONGEST = 20_000;

export class LogLines {
  lines: Line[] = [];
  /** What was there before and is not kept: beyond the bounds. */
  dropped = 0;
  private open = new Map<number, Line>();
  private characters = 0;
  private last = 0;

  /** In the order of their ids; what is known already is skipped. */
  add(pieces: readonly Piece[]): boolean {
    const before = this.last;
    for (const piece of pieces) {
      if (piece.id <= this.last) continue;
      this.last = piece.id;
      this.take(piece);
    }
    if (this.lines.length > MOST_LINES || this.characters > MOST_CHARACTERS) this.drop();
    return this.last !== before;
  }

  ranks(): number[] {
    return [...new Set(this.lines.map((line) => line.rank))].sort((a, b) => a - b);
  }

  private take({ rank, attempt, at, text }: Piece): void {
    const parts = text.split("\n");
    const rest = parts.pop()!;
    for (const part of parts) {
      this.write(rank, attempt, at, part);
      this.open.delete(rank);
    }
    if (rest) this.write(rank, attempt, at, rest);
  }

  private write(rank: number, attempt: number, at: string, part: string): void {
    let line = this.open.get(rank);
    if (line?.attempt !== attempt) {
      line = { rank, attempt, at, raw: "", text: "" };
      this.open.set(rank, line);
      this.lines.push(line);
    }
    line.raw = shownPart(line.raw + part);
    line.text = plain(line.raw);
    this.characters += part.length;
  }

  private drop(): void {
    const gone = this.lines.splice(0, Math.ceil(this.lines.length / 10));
    this.dropped += gone.length;
    for (const line of gone) this.characters -= line.raw.length;
  }
}

/** Behind the last carriage return, unless it stands at the end: a progress bar writes its line over and over. */
function shownPart(raw: string): string {
  const shown = raw.slice(raw.lastIndexOf("\r", raw.length - 2) + 1);
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST)}…` : shown;
}

/** Places of the lines that hold the text; upper and lower case are the same. */
export function matches(lines: readonly Line[], wanted: string): number[] {
  if (!wanted) return [];
  const lower = wanted.toLowerCase();
  const found: number[] = [];
  lines.forEach((line, at) => line.text.toLowerCase().includes(lower) && found.push(at));
  return found;
}
