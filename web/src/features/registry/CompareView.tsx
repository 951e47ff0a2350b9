import Autocomplete from "@mui/material/Autocomplete";
import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import TextField from "@mui/material/TextField";
import { type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { Empty, Panel, Query } from "@/components";
import { figure } from "@/lib/format";
import { lowerIsBetter } from "@/lib/metrics";
import { differs, lines, metricLines, signatureChanges } from "./compare";
import { type Model, useParameters, useVersions, type Version } from "./queries";

const MOST = 5;

/** Up to five versions side by side; which ones stands in the address. */
export function CompareView({ model }: { model: Model }) {
  const { t } = useTranslation("registry");
  const [search, setSearch] = useSearchParams();
  const versions = useVersions(model.name, model.workspace);
  return (
    <Query of={versions} height={400}>
      {(found) => {
        if (found.length < 2) return <Empty title={t("compare.one")}>{t("compare.oneDetail")}</Empty>;
        const known = found.map((one) => one.version);
        const asked = (search.get("with") ?? "").split(",").map(Number);
        const wanted = known.filter((one) => asked.includes(one)).slice(0, MOST);
        const chosen = (wanted.length > 1 ? wanted : known.slice(0, 2)).sort((a, b) => a - b);
        return (
          <Stack spacing={2}>
            <Autocomplete
              multiple
              disableCloseOnSelect
              options={known}
              value={chosen}
              getOptionLabel={String}
              getOptionDisabled={(one) => chosen.length >= MOST && !chosen.includes(one)}
              onChange={(_, next) => {
                search.set("with", next.join(","));
                setSearch(search);
              }}
              renderInput={(params) => (
                <TextField
                  {...params}
                  label={t("compare.which")}
                  helperText={t("compare.most", { count: MOST })}
                />
              )}
            />
            <Compared versions={chosen.map((one) => found.find((version) => version.version === one)!)} />
          </Stack>
        );
      }}
    </Query>
  );
}

function Compared({ versions }: { versions: Version[] }) {
  const { t } = useTranslation("registry");
  const parameters = lines(useParameters(versions));
  const changes = signatureChanges(versions);
  return (
    <>
      <Panel title={t("compare.metrics")}>
        <SideBySide
          label={t("compare.metrics")}
          versions={versions}
          rows={metricLines(versions).map(({ name, values, steps }) => ({
            name,
            marked: false,
            cells: values.map((value, at) => <Metric key={at} name={name} value={value} step={steps[at]!} />),
          }))}
        />
      </Panel>
      <Panel title={t("compare.parameters")}>
        {parameters.length === 0 ? (
          <Empty title={t("compare.noParameters")} />
        ) : (
          <SideBySide
            label={t("compare.parameters")}
            versions={versions}
            rows={parameters.map(({ name, values }) => ({
              name,
              marked: differs(values),
              cells: values.map((value) => (value === null ? "–" : shown(value))),
            }))}
          />
        )}
      </Panel>
      <Panel title={t("compare.signature")}>
        {changes.length === 0 ? (
          <Empty title={t("compare.sameSignature")} />
        ) : (
          <SideBySide
            label={t("compare.signature")}
            versions={versions}
            rows={changes.map(({ name, values }) => ({
              name,
              marked: true,
              cells: values.map((value) => value ?? t("compare.missing")),
            }))}
          />
        )}
      </Panel>
    </>
  );
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The value, and how far it is from the first; whether that is good is said in a word as well. */
function Metric({ name, value, step }: { name: string; value: number | null; step: number | null }) {
  const { t } = useTranslation("registry");
  if (step === null || step === 0) return <>{figure(value)}</>;
  const better = step > 0 !== lowerIsBetter(name);
  return (
    <>
      {figure(value)}{" "}
      <Box component="span" sx={{ color: better ? "success.main" : "error.main", whiteSpace: "nowrap" }}>
        {step > 0 ? "+" : ""}
        {figure(step)} ({better ? t("compare.better") : t("compare.worse")})
      </Box>
    </>
  );
}

interface Row {
  name: string;
  marked: boolean;
  cells: ReactNode[];
}

function SideBySide({ label, versions, rows }: { label: string; versions: Version[]; rows: Row[] }) {
  const { t } = useTranslation("registry");
  return (
    <Box sx={{ overflow: "auto", maxHeight: 600 }} tabIndex={0} role="region" aria-label={label}>
      <Table stickyHeader sx={{ overflowWrap: "break-word" }}>
        <TableHead>
          <TableRow>
            <TableCell>{t("name")}</TableCell>
            {versions.map((one) => (
              <TableCell key={one.version}>{`${t("version")} ${one.version}`}</TableCell>
            ))}
          </TableRow>
        </TableHead>
        <TableBody>
          {rows.map((row) => (
            <TableRow key={row.name}>
              <TableCell component="th" scope="row">
                {row.name}
                {row.marked && ` (${t("compare.differs")})`}
              </TableCell>
              {row.cells.map((cell, at) => (
                <TableCell key={at} sx={{ fontWeight: row.marked ? 600 : 400 }}>
                  {cell}
                </TableCell>
              ))}
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Box>
  );
}
