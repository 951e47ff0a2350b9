/** Job files to begin with; `tests/unit/test_composer_templates.py` holds them to the rules of the server. */
const found = import.meta.glob<string>("../templates/*.yaml", {
  query: "?raw",
  import: "default",
  eager: true,
});

const ORDER = ["forest", "boosting", "network", "study", "auto", "clusters", "own-code"];

export interface Template {
  id: string;
  text: string;
}

export const TEMPLATES: Template[] = Object.entries(found)
  .map(([path, text]) => ({ id: path.replace(/^.*\/|\.yaml$/g, ""), text }))
  .sort((one, other) => ORDER.indexOf(one.id) - ORDER.indexOf(other.id));
