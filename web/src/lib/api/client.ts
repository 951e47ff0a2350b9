import createClient, { type Middleware } from "openapi-fetch";
import { problemFrom, unreachable } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

const CSRF_COOKIE = "tensorfleet_csrf";
const CSRF_HEADER = "X-CSRF-Token";

export function csrfToken(cookies: string = document.cookie): string {
  const found = cookies.split("; ").find((one) => one.startsWith(`${CSRF_COOKIE}=`));
  return found ? decodeURIComponent(found.slice(CSRF_COOKIE.length + 1)) : "";
}

/** Headers that a request which changes something needs besides its own. */
export function changing(): Record<string, string> {
  return { [CSRF_HEADER]: csrfToken() };
}

type Listener = () => void;
const signedOut = new Set<Listener>();

/** Calls `listener` whenever an answer says that nobody is signed in any more. */
export function onSignedOut(listener: Listener): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

export function sayIfSignedOut(status: number): void {
  if (status === 401) signedOut.forEach((listener) => listener());
}

const guard: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set(CSRF_HEADER, csrfToken());
    return request;
  },
  onResponse({ response }) {
    sayIfSignedOut(response.status);
  },
  onError() {
    return unreachable();
  },
};

export const client = createClient<paths>({ querySerializer: { array: { style: "form", explode: true } } });
client.use(guard);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The answer itself, instead of openapi-fetch's triple.
 *
 *     const job = await got(client.GET("/api/v1/jobs/{job_id}", { params: { path: { job_id: id } }, signal }));
 *
 * Throws ApiError, with what the server says.
 */
export async function got<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (!response.ok) throw problemFrom(response.status, error);
  return data as T;
}

/** The same for addresses that are not JSON: text of a log, a card, a diff. */
export async function gotText(address: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(address, { signal: signal ?? null }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  });
  sayIfSignedOut(response.status);
  const text = await response.text();
  if (!response.ok) throw problemFrom(response.status, safeJson(text));
  return text;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
