import type { Caller, Permission } from "@/lib/session";

/** A person has a password and keys; who came in with a key or the home's token has neither here. */
export function kindOf(caller: Caller): "person" | "key" | "owner" {
  if (caller.user_id === "root") return "owner";
  return caller.via === "key" ? "key" : "person";
}

/** What somebody may do anywhere: what a key may be narrowed to. */
export function allOf(caller: Caller): Permission[] {
  return [...new Set([...caller.everywhere, ...Object.values(caller.workspaces).flat()])].sort();
}

/** "127.0.0.1 Mozilla/5.0 (X11; Linux x86_64) ... Firefox/140.0" is ["127.0.0.1", "Firefox, Linux"]. */
export function clientOf(text: string | null): [address: string, program: string] {
  const [address = "", ...rest] = (text ?? "").split(" ");
  const program = rest.join(" ");
  if (!program.startsWith("Mozilla/")) return [address, program];
  const browser = BROWSERS.find(([mark]) => program.includes(mark))?.[1];
  const system = SYSTEMS.find(([mark]) => program.includes(mark))?.[1];
  return [address, [browser, system].filter(Boolean).join(", ") || program];
}

// Each names itself after those that it resembles, so the most particular come first.
const BROWSERS: [string, string][] = [
  ["Edg/", "Edge"],
  ["OPR/", "Opera"],
  ["Firefox/", "Firefox"],
  ["Chrome/", "Chrome"],
  ["Safari/", "Safari"],
];
const SYSTEMS: [string, string][] = [
  ["Android", "Android"],
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["Windows", "Windows"],
  ["Mac OS X", "macOS"],
  ["Linux", "Linux"],
];
