/** The page's own addresses.  Ids and names go through `encodeURIComponent` here and nowhere else. */
const on = encodeURIComponent;

/** "?version=3&workspace=team"; what is undefined is left out, and so is the workspace that everybody has. */
function asked(values: Record<string, string | number | undefined>): string {
  const given = Object.entries(values).filter(
    ([key, value]) => value !== undefined && !(key === "workspace" && value === "default"),
  );
  return given.length ? `?${given.map(([key, value]) => `${key}=${on(value!)}`).join("&")}` : "";
}

export const paths = {
  overview: "/",
  jobs: "/jobs",
  newJob: "/jobs/new",
  newJobOn: (dataset: string, workspace?: string) => `/jobs/new${asked({ dataset, workspace })}`,
  compare: (ids: string[] = []) =>
    ids.length ? `/jobs/compare?ids=${ids.map(on).join(",")}` : "/jobs/compare",
  job: (id: string, tab?: string) => `/jobs/${on(id)}${tab ? `/${tab}` : ""}`,
  studies: "/studies",
  study: (id: string) => `/studies/${on(id)}`,
  workers: "/workers",
  worker: (id: string) => `/workers/${on(id)}`,
  datasets: "/datasets",
  addDataset: "/datasets?add",
  dataset: (name: string, version?: number, workspace?: string) =>
    `/datasets/${on(name)}${asked({ version, workspace })}`,
  datasetFile: (name: string, version: number, workspace?: string) =>
    `/api/v1/datasets/${on(name)}/versions/${version}/download${asked({ workspace })}`,
  models: "/models",
  model: (name: string, version?: number, workspace?: string) =>
    `/models/${on(name)}${asked({ version, workspace })}`,
  modelCard: (name: string, version: number, workspace?: string) =>
    `/api/v1/models/${on(name)}/versions/${version}/card${asked({ workspace })}`,
  modelFile: (prefix: string, file: string) =>
    `/api/v1/download/models/${`${prefix}/${file}`.split("/").map(on).join("/")}`,
  pipelines: "/pipelines",
  endpoints: "/endpoints",
  monitors: "/monitors",
  admin: (section?: string) => (section ? `/admin/${section}` : "/admin"),
  settings: "/settings",
  signIn: (next: string) => `/sign-in?next=${on(next)}`,
};
