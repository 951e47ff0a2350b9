import Link from "@mui/material/Link";
import { useTranslation } from "react-i18next";
import { type Column, CopyButton, DataTable, Empty, Panel } from "@/components";
import { bytes } from "@/lib/format";
import { paths } from "@/lib/paths";
import { prefixOf } from "./describe";
import type { Version } from "./queries";

type File = Version["files"][number];

export function FilesView({ version }: { version: Version }) {
  const { t } = useTranslation("registry");
  const prefix = prefixOf(version);
  const columns: Column<File>[] = [
    {
      id: "path",
      label: t("file.path"),
      width: "minmax(160px, 2fr)",
      cell: (one) =>
        prefix === null ? (
          one.path
        ) : (
          <Link href={paths.modelFile(prefix, one.path)} download={one.path.split("/").at(-1)}>
            {one.path}
          </Link>
        ),
    },
    { id: "size", label: t("file.size"), width: "110px", align: "right", cell: (one) => bytes(one.bytes) },
    {
      id: "sha256",
      label: "SHA-256",
      width: "minmax(150px, 3fr)",
      cell: (one) => (
        <>
          <CopyButton text={one.sha256} what="SHA-256" /> <code>{one.sha256}</code>
        </>
      ),
    },
  ];
  return (
    <Panel
      flush
      title={t("file.count", {
        count: version.files.length,
        size: bytes(version.files.reduce((sum, one) => sum + one.bytes, 0)),
      })}
    >
      <DataTable
        label={t("view.files")}
        rows={version.files}
        columns={columns}
        idOf={(one) => one.path}
        height={version.files.length > 14 ? 600 : "auto"}
        empty={<Empty title={t("file.none")} />}
      />
    </Panel>
  );
}
