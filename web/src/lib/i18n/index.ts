/**
 * Texts stand beside what shows them: `features/NAME/locales/{en,de}.json` is the namespace NAME, the same for
 * `components` and `app`.  A language is loaded when somebody reads it; what it lacks is shown in English.
 */
import i18next, { type i18n } from "i18next";
import { initReactI18next } from "react-i18next";
import { keepLanguage, type Language, preferred } from "./language";

type Texts = Record<string, unknown>;
const found = import.meta.glob<Texts>(["../../**/locales/*.json", "!../../testing/**"], {
  import: "default",
});

/** ".../features/jobs/locales/en.json" is ["jobs", "en"]. */
export function placeOf(path: string): [namespace: string, language: string] {
  const parts = path.split("/");
  return [parts.at(-3) ?? "", (parts.at(-1) ?? "").replace(".json", "")];
}

async function load(into: i18n, wanted: string): Promise<void> {
  const texts = Object.entries(found).filter(([path]) => placeOf(path)[1] === wanted);
  await Promise.all(
    texts.map(async ([path, read]) => into.addResourceBundle(wanted, placeOf(path)[0], await read())),
  );
}

export async function startTexts(): Promise<i18n> {
  const chosen = preferred();
  await i18next.use(initReactI18next).init({
    lng: chosen,
    fallbackLng: "en",
    defaultNS: "app",
    fallbackNS: ["components", "app"],
    resources: {},
    // React escapes what it shows.
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  await Promise.all([load(i18next, "en"), chosen === "en" ? null : load(i18next, chosen)]);
  await speak(chosen, false);
  return i18next;
}

export async function speak(chosen: Language, keep = true): Promise<void> {
  if (!i18next.hasResourceBundle(chosen, "app")) await load(i18next, chosen);
  document.documentElement.lang = chosen;
  if (keep) keepLanguage(chosen);
  await i18next.changeLanguage(chosen);
}
