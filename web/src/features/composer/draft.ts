/** What has been typed and not submitted, and under which key it was sent: a lost answer makes no second job. */
const WRITABLE_CHARACTERS = 500_000;

export interface Draft {
  text: string;
  /** Of the last attempt to submit exactly this text. */
  key?: string;
}

function place(username: string): string {
  return `tensorfleet.draft.${username}`;
}

export function readDraft(username: string): Draft | null {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(place(username)) ?? "null");
    if (typeof found !== "object" || found === null || !("text" in found)) return null;
    const { text, key } = found as Record<string, unknown>;
    if (typeof text !== "string") return null;
    return typeof key === "string" ? { text, key } : { text };
  } catch {
    return null;
  }
}

export function keepDraft(username: string, draft: Draft): void {
  if (draft.text.length > WRITABLE_CHARACTERS) return;
  try {
    localStorage.setItem(place(username), JSON.stringify(draft));
  } catch {
    // The browser keeps nothing, or has no room: the page works without.
  }
}

export function forgetDraft(username: string): void {
  localStorage.removeItem(place(username));
}

/** `crypto.randomUUID` is missing on plain http. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
