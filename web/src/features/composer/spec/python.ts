/** The same job for other ways to submit it. */
import { isMapping, type Job } from "./spec";

export function fileName(job: Job): string {
  const name = typeof job.name === "string" ? job.name : "";
  return `${name.replaceAll(/[^A-Za-z0-9._]+/g, "-").replace(/^[-.]+/, "") || "job"}.yaml`;
}

export function commandLine(job: Job): string {
  return `tensorfleet ${job.kind === "tune" ? "tune" : "submit"} ${fileName(job)}`;
}

export function python(job: Job): string {
  const call = job.kind === "tune" ? "study = client.tune" : "job = client.submit";
  return `import tensorfleet\n\nclient = tensorfleet.Client()\n${call}(${literal(job, "")})\n`;
}

/** A value as Python writes it. */
export function literal(value: unknown, indent: string): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map((one) => literal(one, indent)).join(", ")}]`;
  if (!isMapping(value)) return JSON.stringify(value);
  const within = `${indent}    `;
  const lines = Object.entries(value).map(
    ([key, one]) => `${within}${JSON.stringify(key)}: ${literal(one, within)},\n`,
  );
  return lines.length ? `{\n${lines.join("")}${indent}}` : "{}";
}
