/** Numbers and times as people read them, in the viewer's language and zone. */
import { language } from "./i18n/language";

const NONE = "–";
const kept = new Map<string, unknown>();

/** A formatter costs a hundred times what its use does: each is made once for a language. */
function keeping<F, O>(Kind: new (language: string, options: O) => F, options: O): F {
  const name = `${Kind.name} ${language()} ${JSON.stringify(options)}`;
  const found = (kept.get(name) as F | undefined) ?? new Kind(language(), options);
  kept.set(name, found);
  return found;
}
type Moment = string | number | Date | null | undefined;

export function dateTime(at: Moment): string {
  if (at == null) return NONE;
  return keeping(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at));
}

export function timeOfDay(at: Moment): string {
  if (at == null) return NONE;
  return keeping(Intl.DateTimeFormat, { timeStyle: "medium" }).format(new Date(at));
}

/** Seconds since 1970, as an axis over `span` seconds says it. */
export function instant(seconds: number, span: number): string {
  const options: Intl.DateTimeFormatOptions =
    span > 2 * 86400
      ? { day: "numeric", month: "short" }
      : { hour: "2-digit", minute: "2-digit", ...(span < 600 ? { second: "2-digit" } : {}) };
  return keeping(Intl.DateTimeFormat, options).format(new Date(seconds * 1000));
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 30],
  ["month", 12],
  ["year", Infinity],
];

/** "3 minutes ago", "in 2 hours". */
export function ago(at: Moment, now: number = Date.now()): string {
  if (at == null) return NONE;
  let amount = (new Date(at).getTime() - now) / 1000;
  for (const [unit, size] of STEPS) {
    if (Math.abs(amount) < size) {
      return keeping(Intl.RelativeTimeFormat, { numeric: "auto" }).format(Math.round(amount), unit);
    }
    amount /= size;
  }
  return NONE;
}

/** "1 h 4 min", "12.3 s", "45 ms". */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${number(seconds, 1)} s`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return `${minutes} min ${whole % 60} s`;
}

export function between(from: Moment, to: Moment, now: number = Date.now()): number | null {
  if (from == null) return null;
  return Math.max(0, (to == null ? now : new Date(to).getTime()) - new Date(from).getTime()) / 1000;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(amount: number | null | undefined): string {
  if (amount == null) return NONE;
  const power = Math.min(Math.floor(Math.log2(Math.max(Math.abs(amount), 1)) / 10), UNITS.length - 1);
  return `${number(amount / 1024 ** power, power ? 1 : 0)} ${UNITS[power]}`;
}

export function number(value: number | null | undefined, digits = 2): string {
  if (value == null || Number.isNaN(value)) return NONE;
  return keeping(Intl.NumberFormat, { maximumFractionDigits: digits }).format(value);
}

/** Of a metric: four significant digits, whatever its size. */
export function figure(value: number | null | undefined): string {
  if (value == null || Number.isNaN(value)) return NONE;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(3);
  return keeping(Intl.NumberFormat, { maximumSignificantDigits: 5 }).format(value);
}

export function percent(share: number | null | undefined, digits = 0): string {
  if (share == null || Number.isNaN(share)) return NONE;
  return keeping(Intl.NumberFormat, { style: "percent", maximumFractionDigits: digits }).format(share);
}

export function money(amount: number | null | undefined, currency: string): string {
  if (amount == null) return NONE;
  try {
    return keeping(Intl.NumberFormat, { style: "currency", currency }).format(amount);
  } catch {
    return `${number(amount)} ${currency}`;
  }
}
