/** The page's own addresses.  Ids and names go through `encodeURIComponent` here and nowhere else. */
const on = encodeURIComponent;

export const paths = {
  overview: "/",
  jobs: "/jobs",
  newJob: "/jobs/new",
  compare: (ids: string[] = []) =>
    ids.length ? `/jobs/compare?ids=${ids.map(on).join(",")}` : "/jobs/compare",
  job: (id: string, tab?: string) => `/jobs/${on(id)}${tab ? `/${tab}` : ""}`,
  studies: "/studies",
  study: (id: string) => `/studies/${on(id)}`,
  workers: "/workers",
  worker: (id: string) => `/workers/${on(id)}`,
  datasets: "/datasets",
  dataset: (name: string, version?: number) => `/datasets/${on(name)}${version ? `?version=${version}` : ""}`,
  models: "/models",
  model: (name: string, version?: number) => `/models/${on(name)}${version ? `?version=${version}` : ""}`,
  pipelines: "/pipelines",
  endpoints: "/endpoints",
  monitors: "/monitors",
  admin: (section?: string) => (section ? `/admin/${section}` : "/admin"),
  settings: "/settings",
  signIn: (next: string) => `/sign-in?next=${on(next)}`,
};
