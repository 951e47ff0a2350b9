/** What of the audit log is shown, as the address says it. */
export interface AuditFilter {
  actor?: string;
  action?: string;
  target?: string;
  from?: string;
  to?: string;
}

const NAMES = ["actor", "action", "target", "from", "to"] as const;

export function filterOf(search: URLSearchParams): AuditFilter {
  const found: AuditFilter = {};
  for (const name of NAMES) {
    const value = search.get(name)?.trim();
    if (value) found[name] = name === "from" || name === "to" ? instant(value) : value;
  }
  return found;
}

/** "2026-11-22T08:00" of the viewer's clock as an instant; what is none stays, and the server says so. */
function instant(value: string): string {
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? value : at.toISOString();
}

export function withFilter(search: URLSearchParams, name: keyof AuditFilter, value: string): URLSearchParams {
  const next = new URLSearchParams(search);
  if (value) next.set(name, value);
  else next.delete(name);
  return next;
}

export function exportAddress(filter: AuditFilter, where: { workspace?: string }): string {
  const query = new URLSearchParams({ ...filter, ...where }).toString();
  return `/api/v1/audit/export${query && `?${query}`}`;
}
