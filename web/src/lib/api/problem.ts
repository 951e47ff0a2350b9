/** What the API answers instead (RFC 9457), as an error. */
export interface WrongField {
  field: string;
  message: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly fields: WrongField[] = [],
  ) {
    super(detail || title);
    this.name = "ApiError";
  }

  /** Whether asking again may help: the gateway, or what is behind it, is away. */
  get retriable(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

function wrongFields(value: unknown): WrongField[] {
  if (!Array.isArray(value)) return [];
  return value
    .filter(isRecord)
    .map((one) => ({ field: text(one.field, ""), message: text(one.message, "") }));
}

export function problemFrom(status: number, body: unknown): ApiError {
  const said = isRecord(body) ? body : {};
  return new ApiError(
    status,
    text(said.code, `http_${status}`),
    text(said.title, `HTTP ${status}`),
    text(said.detail, typeof body === "string" ? body.slice(0, 500) : ""),
    wrongFields(said.errors),
  );
}

export function unreachable(): ApiError {
  return new ApiError(0, "unreachable", "TensorFleet does not answer", "");
}
