import Chip from "@mui/material/Chip";
import Stack from "@mui/material/Stack";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Box from "@mui/material/Box";
import { useTranslation } from "react-i18next";
import { Ago, Empty, Facts, LinkCell, Panel } from "@/components";
import { figure, number } from "@/lib/format";
import { paths } from "@/lib/paths";
import { Aliases } from "./Aliases";
import { datasetOf, fieldsOf, formatsOf } from "./describe";
import type { Model, Version } from "./queries";
import { SignaturePanel } from "./SignaturePanel";

/** What a version is, what it is worth and where it comes from. */
export function OverviewView({ model, version }: { model: Model; version: Version }) {
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2,
        gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "repeat(2, minmax(0, 1fr))" },
        alignItems: "start",
      }}
    >
      <Stack spacing={2}>
        <MetricsPanel version={version} />
        <Aliases model={model} version={version} />
        <FormatsPanel version={version} />
      </Stack>
      <Stack spacing={2}>
        <ProvenancePanel version={version} />
        <SignaturePanel
          inputs={fieldsOf(version.signature, "inputs")}
          outputs={fieldsOf(version.signature, "outputs")}
        />
        <TagsPanel version={version} />
      </Stack>
    </Box>
  );
}

function MetricsPanel({ version }: { version: Version }) {
  const { t } = useTranslation("registry");
  const metrics = Object.entries(version.metrics);
  return (
    <Panel title={t("metrics")}>
      {metrics.length === 0 ? (
        <Empty title={t("noMetrics")} />
      ) : (
        <Facts columns={3} of={metrics.map(([name, value]) => [name, figure(value)])} />
      )}
    </Panel>
  );
}

function ProvenancePanel({ version }: { version: Version }) {
  const { t } = useTranslation("registry");
  const dataset = datasetOf(version);
  const { job_id: job, workspace, tags } = version;
  return (
    <Panel title={t("provenance")}>
      <Facts
        columns={2}
        of={[
          [
            t("job"),
            job && (
              <LinkCell key="job" to={paths.job(job)}>
                {tags["tensorfleet.job_name"] ?? job}
              </LinkCell>
            ),
          ],
          [
            t("dataset"),
            dataset && (
              <LinkCell key="dataset" to={paths.dataset(dataset.name, dataset.version, workspace)}>
                {`${dataset.name}@${dataset.version}`}
              </LinkCell>
            ),
          ],
          [t("created"), <Ago key="created" at={version.created_at} />],
          [t("workspace"), workspace],
          [t("task"), tags["tensorfleet.task"]],
          [t("flavor"), tags["tensorfleet.flavor"]],
          [t("run"), version.run_id && <code key="run">{version.run_id}</code>],
        ]}
      />
    </Panel>
  );
}

function FormatsPanel({ version }: { version: Version }) {
  const { t } = useTranslation("registry");
  const formats = formatsOf(version);
  if (formats.length === 0) return null;
  return (
    <Panel title={t("format.title")}>
      <Box sx={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("format.title")}>
        <Table sx={{ overflowWrap: "break-word" }}>
          <TableHead>
            <TableRow>
              {["name", "file", "parity"].map((one) => (
                <TableCell key={one}>{t(`format.${one}`)}</TableCell>
              ))}
            </TableRow>
          </TableHead>
          <TableBody>
            {formats.map((one) => (
              <TableRow key={one.format}>
                <TableCell>{one.format}</TableCell>
                <TableCell>{one.file ?? t("format.leftOut")}</TableCell>
                <TableCell>
                  {one.file === null
                    ? one.reason
                    : t("format.compared", { rows: number(one.rows), difference: figure(one.difference) })}
                </TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </Box>
    </Panel>
  );
}

function TagsPanel({ version }: { version: Version }) {
  const { t } = useTranslation("registry");
  const tags = Object.entries(version.tags).filter(([name]) => name !== "tensorfleet.formats");
  if (tags.length === 0) return null;
  return (
    <Panel title={t("tags")}>
      <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", gap: 0.75 }}>
        {tags.map(([name, value]) => (
          <Chip
            key={name}
            variant="outlined"
            label={`${name}: ${value}`}
            sx={{ height: "auto", "& .MuiChip-label": { whiteSpace: "normal", py: 0.5 } }}
          />
        ))}
      </Stack>
    </Panel>
  );
}
