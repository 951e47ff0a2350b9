import { byId, call, safeNext, say, whoIsIt } from "./shared.js";

const next = safeNext(new URLSearchParams(location.search).get("next"));

function goOn() {
  location.replace(next ?? "/sign-in");
}

async function signIn(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const body = { username: form.get("username"), password: form.get("password") };
  if (form.get("code")) body.code = form.get("code");
  try {
    await call("POST", "/auth/session", body);
    goOn();
  } catch (error) {
    say(error.message);
    if (error.message.includes("second factor")) byId("second").hidden = false;
  }
}

async function signOut() {
  await call("POST", "/auth/logout");
  location.replace("/sign-in");
}

function show(provider) {
  const link = document.createElement("a");
  link.className = "button";
  link.textContent = `Sign in with ${provider.title}`;
  link.href = provider.login + (next ? `?next=${encodeURIComponent(next)}` : "");
  byId("providers").append(link);
}

async function begin() {
  byId("local").addEventListener("submit", signIn);
  byId("sign-out").addEventListener("click", () => signOut().catch((error) => say(error.message)));
  const who = await whoIsIt();
  if (who !== null) {
    if (next !== null) return goOn();
    byId("who").textContent = who.username;
    byId("signed-in").hidden = false;
    return;
  }
  byId("local").hidden = false;
  const { items } = await call("GET", "/auth/oidc");
  items.forEach(show);
  byId("providers").hidden = items.length === 0;
}

begin().catch((error) => say(error.message));
