import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "@/app/App";
import { startTexts } from "@/lib/i18n";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
const shown = createRoot(root);

void startTexts().then(() =>
  shown.render(
    <StrictMode>
      <App />
    </StrictMode>,
  ),
);

if (import.meta.env.PROD && "serviceWorker" in navigator && window.isSecureContext) {
  void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
}
