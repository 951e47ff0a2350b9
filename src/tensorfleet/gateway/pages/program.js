import { byId, call, say, whoIsIt } from "./shared.js";
import { speak, text } from "./texts.js";

const asked = new URLSearchParams(location.search);

async function letIn() {
  byId("yes").disabled = true;
  const redirectUri = asked.get("redirect_uri") ?? "";
  // The server refuses every address but one of this machine.
  const { code } = await call("POST", "/auth/program", { challenge: asked.get("challenge") ?? "", redirect_uri: redirectUri });
  const address = new URL(redirectUri);
  address.searchParams.set("code", code);
  address.searchParams.set("state", asked.get("state") ?? "");
  location.replace(address.href);
}

function refuse() {
  byId("ask").hidden = true;
  say(text("program.refused"));
}

function failed(error) {
  byId("ask").hidden = true;
  say(error.message);
}

async function begin() {
  speak("letIn.title");
  const who = await whoIsIt();
  if (who === null) {
    location.replace(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
    return;
  }
  byId("who").textContent = who.username;
  byId("yes").addEventListener("click", () => letIn().catch(failed));
  byId("no").addEventListener("click", refuse);
  byId("ask").hidden = false;
}

begin().catch(failed);
