// What both pages need of the API.

import { text } from "./texts.js";

export const byId = (id) => document.getElementById(id);

export function say(text) {
  byId("message").textContent = text;
}

function pageToken() {
  const found = document.cookie.split("; ").find((one) => one.startsWith("tensorfleet_csrf="));
  return found ? found.slice("tensorfleet_csrf=".length) : "";
}

// The answer's JSON, null if it has none; throws an Error with the problem's text and status.
export async function call(method, path, body) {
  const headers = { "X-CSRF-Token": pageToken() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await ask(`/api/v1${path}`, {
    method,
    headers,
    credentials: "same-origin",
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const said = await answer.text();
  const found = said ? JSON.parse(said) : null;
  if (!answer.ok) throw Object.assign(new Error(found?.detail ?? `status ${answer.status}`), { status: answer.status });
  return found;
}

async function ask(address, how) {
  try {
    return await fetch(address, how);
  } catch {
    throw new Error(text("away"));
  }
}

// Who is signed in with this browser; null for nobody.
export async function whoIsIt() {
  if (!pageToken()) return null;
  try {
    return await call("GET", "/auth/me");
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

// A path of ours, or null: a link must not lead people on to a page of others.
export function safeNext(text) {
  if (!text || !text.startsWith("/")) return null;
  const found = new URL(text, location.origin);
  return found.origin === location.origin ? found.pathname + found.search + found.hash : null;
}
