import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import { useTranslation } from "react-i18next";
import { type Column, DataTable, Empty, LinkCell, Panel } from "@/components";
import type { Schemas } from "@/lib/api";
import { bytes } from "@/lib/format";
import { paths } from "@/lib/paths";
import type { Job } from "../queries";
import { type Loose, shown, text } from "../shape";

type Kept = Schemas["KeptFile"];

const addressOf = (job: string, path: string) =>
  `/api/v1/jobs/${encodeURIComponent(job)}/files/${path.split("/").map(encodeURIComponent).join("/")}`;

export function Files({ job, files }: { job: Job; files: Kept[] }) {
  const { t } = useTranslation("job");
  const columns: Column<Kept>[] = [
    {
      id: "path",
      label: t("files.path"),
      cell: (one) => (
        <Link href={addressOf(job.job_id, one.path)} download title={one.path}>
          {one.path}
        </Link>
      ),
      width: "minmax(200px, 3fr)",
    },
    { id: "size", label: t("files.size"), cell: (one) => bytes(one.bytes), width: "110px", align: "right" },
    {
      id: "sha",
      label: "SHA-256",
      cell: (one) => <code title={one.sha256}>{one.sha256.slice(0, 12)}</code>,
      width: "140px",
      wide: true,
    },
  ];
  return (
    <Panel title={t("files.title")} flush>
      {job.model_name && job.version !== null && (
        <Box sx={{ px: 2, pb: 1, typography: "body2" }}>
          {t("files.model")} <LinkCell to={paths.model(job.model_name, job.version)}>{job.model_id}</LinkCell>
        </Box>
      )}
      <DataTable
        label={t("files.title")}
        rows={files}
        columns={columns}
        idOf={(one) => one.path}
        height={files.length > 12 ? 440 : "auto"}
        empty={<Empty title={t("files.none")}>{t("files.noneYet")}</Empty>}
      />
    </Panel>
  );
}

/** Further formats of the model: what each became, or why it did not. */
export function Formats({ formats }: { formats: Loose[] }) {
  const { t } = useTranslation("job");
  const rest = (one: Loose) =>
    Object.entries(one)
      .filter(([name]) => name !== "format" && name !== "status")
      .map(([name, value]) => `${name}: ${shown(value)}`)
      .join(", ");
  return (
    <Panel title={t("formats.title")}>
      <Box component="ul" sx={{ m: 0, pl: 2.5 }}>
        {formats.map((one, at) => (
          <li key={at}>
            <strong>{text(one.format) || shown(one.name)}</strong> {text(one.status)} {rest(one)}
          </li>
        ))}
      </Box>
    </Panel>
  );
}
