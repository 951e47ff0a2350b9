import { byId, call, safeNext, say, whoIsIt } from "./shared.js";
import { speak, text } from "./texts.js";

const next = safeNext(new URLSearchParams(location.search).get("next"));
const brought = new URLSearchParams(location.hash.slice(1));
// What came with the address is in no history, and is not read twice.
if (location.hash) history.replaceState(null, "", location.pathname + location.search);

function goOn() {
  location.replace(next ?? "/");
}

async function enter(body) {
  say("");
  try {
    await call("POST", "/auth/session", body);
    goOn();
  } catch (error) {
    say(error.message);
    if (error.message.includes("second factor")) {
      byId("second").hidden = false;
      byId("second").querySelector("input").focus();
    }
    return false;
  }
  return true;
}

// Runs `work` with the form's button out of reach, so that nobody sends it twice.
async function busy(button, work) {
  button.disabled = true;
  try {
    await work();
  } finally {
    button.disabled = false;
  }
}

function withPassword(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const body = { username: form.get("username"), password: form.get("password") };
  if (form.get("code")) body.code = form.get("code");
  return busy(event.submitter, () => enter(body));
}

function withKey(event) {
  event.preventDefault();
  const token = new FormData(event.target).get("token").trim();
  return busy(event.submitter, () => enter({ token }));
}

async function signOut() {
  await call("POST", "/auth/logout");
  location.replace("/sign-in");
}

function show(provider) {
  const link = document.createElement("a");
  link.className = "button";
  link.textContent = text("provider", { title: provider.title });
  link.href = provider.login + (next ? `?next=${encodeURIComponent(next)}` : "");
  byId("providers").append(link);
}

async function showForms() {
  byId("local").hidden = false;
  byId("keyed").hidden = false;
  const { items } = await call("GET", "/auth/oidc");
  items.forEach(show);
  byId("providers").hidden = items.length === 0;
}

// A ticket of `tensorfleet open`.  Whoever is signed in already is not made somebody else without being asked.
async function withTicket(ticket, name, who) {
  if (who === null) {
    say(text("wait"));
    if (!(await enter({ ticket }))) await showForms();
    return;
  }
  if (who.username === name) return goOn();
  byId("asked").textContent = text("instead", { name });
  byId("redeem").textContent = text("instead.yes", { name });
  byId("redeem").addEventListener("click", (event) => busy(event.target, () => enter({ ticket })));
  byId("instead").hidden = false;
  showWho(who);
}

function showWho(who) {
  byId("who").textContent = who.username;
  byId("signed-in").hidden = false;
}

async function begin() {
  speak("signIn");
  byId("local").addEventListener("submit", withPassword);
  byId("key").addEventListener("submit", withKey);
  byId("sign-out").addEventListener("click", () => signOut().catch((error) => say(error.message)));
  const who = await whoIsIt();
  if (brought.get("code")) return withTicket(brought.get("code"), brought.get("as") ?? "", who);
  if (who === null) return showForms();
  if (next !== null) return goOn();
  showWho(who);
}

begin().catch((error) => say(error.message));
