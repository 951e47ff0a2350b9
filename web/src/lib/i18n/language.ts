/** Which language the page speaks: the viewer's choice, else the browser's, else English. */
export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];
const KEPT = "tensorfleet.language";

function known(tag: string | null | undefined): Language | undefined {
  return LANGUAGES.find((one) => one === tag?.toLowerCase().split("-")[0]);
}

export function preferred(): Language {
  return known(localStorage.getItem(KEPT)) ?? navigator.languages.map(known).find(Boolean) ?? "en";
}

export function keepLanguage(chosen: Language): void {
  localStorage.setItem(KEPT, chosen);
}

/** Of the page as it is shown now, with the region that the browser has for it (en-GB writes dates as en-GB does). */
export function language(): string {
  const shown = document.documentElement.lang || "en";
  return navigator.languages.find((tag) => tag.toLowerCase().startsWith(shown)) ?? shown;
}
