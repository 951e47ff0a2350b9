// What the pages say, in the browser's language.  HTML elements name their text with data-text.

const TEXTS = {
  en: {
    "signIn": "Sign in",
    "letIn.title": "Let a program in",
    "user": "User",
    "password": "Password",
    "code": "Code",
    "withKey": "Sign in with a key",
    "key": "Key or token",
    "key.help": "An API key, or what is in the file “token” of the home. On the machine where TensorFleet runs, “tensorfleet open” signs you in without either.",
    "key.submit": "Sign in with the key",
    "signedInAs": "Signed in as",
    "page": "To the page",
    "api": "The API",
    "signOut": "Sign out",
    "others": "Other ways to sign in",
    "provider": "Sign in with {title}",
    "noscript": "This page needs JavaScript.",
    "away": "TensorFleet does not answer. Try again in a moment.",
    "wait": "Signing in …",
    "instead": "Somebody has opened this page to sign in as {name}. Go on only if it was you who called “tensorfleet open”.",
    "instead.yes": "Sign in as {name}",
    "program.asks": "The command line on this machine asks to be signed in as",
    "program.warning": "It may then do what you may. Say yes only if you have just called “tensorfleet login”.",
    "program.yes": "Let it in",
    "program.no": "No",
    "program.refused": "The program was not let in. You may close this window.",
  },
  de: {
    "signIn": "Anmelden",
    "letIn.title": "Ein Programm einlassen",
    "user": "Name",
    "password": "Passwort",
    "code": "Code",
    "withKey": "Mit einem Schlüssel anmelden",
    "key": "Schlüssel oder Token",
    "key.help": "Ein API-Schlüssel, oder der Inhalt der Datei „token“ im Home. Auf dem Rechner, auf dem TensorFleet läuft, meldet „tensorfleet open“ ohne beides an.",
    "key.submit": "Mit dem Schlüssel anmelden",
    "signedInAs": "Angemeldet als",
    "page": "Zur Seite",
    "api": "Die API",
    "signOut": "Abmelden",
    "others": "Andere Wege zur Anmeldung",
    "provider": "Anmelden mit {title}",
    "noscript": "Diese Seite braucht JavaScript.",
    "away": "TensorFleet antwortet nicht. Gleich noch einmal versuchen.",
    "wait": "Anmeldung läuft …",
    "instead": "Diese Seite wurde geöffnet, um sich als {name} anzumelden. Nur fortfahren, wenn „tensorfleet open“ selbst aufgerufen wurde.",
    "instead.yes": "Als {name} anmelden",
    "program.asks": "Die Kommandozeile auf diesem Rechner möchte angemeldet werden als",
    "program.warning": "Sie darf dann dasselbe. Nur zustimmen, wenn „tensorfleet login“ gerade selbst aufgerufen wurde.",
    "program.yes": "Einlassen",
    "program.no": "Nein",
    "program.refused": "Das Programm wurde nicht eingelassen. Dieses Fenster kann geschlossen werden.",
  },
};

const known = navigator.languages.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag in TEXTS);
const language = known ?? "en";

export function text(name, values = {}) {
  return TEXTS[language][name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

export function speak(title) {
  document.documentElement.lang = language;
  document.title = `${text(title)} – TensorFleet`;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = text(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", text(one.dataset.label));
}
