import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Box from "@mui/material/Box";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import type { Algorithm, Version } from "../queries";
import { matching, parametersOf, shownValue } from "../spec/parameters";
import { mappingAt, textAt } from "../spec/spec";
import { useBoard } from "../state";
import { Hyperparameter } from "./Hyperparameter";

const MANY = 6;

export function Hyperparameters({
  algorithm,
  version,
}: {
  algorithm: Algorithm | undefined;
  version: Version | undefined;
}) {
  const { t } = useTranslation("composer");
  const { job, set } = useBoard();
  const [search, setSearch] = useState("");
  const parameters = useMemo(() => (algorithm ? parametersOf(algorithm.schema) : []), [algorithm]);
  const target = textAt(job, ["target_column"]) || version?.target;
  const type = version?.columns.find((one) => one.name === target);
  // Few different whole numbers are classes.
  const classes = type
    ? type.type !== "number" && (type.type !== "integer" || (type.unique ?? 99) <= 20)
    : true;
  const known = new Set(parameters.map((one) => one.name));
  const others = Object.entries(mappingAt(job, ["hyperparameters"])).filter(([name]) => !known.has(name));
  if (!algorithm && others.length === 0) return null;
  const metric = metricFor(algorithm?.tasks ?? [], classes);
  const shown = matching(parameters, search);
  return (
    <Panel title={t("parameters.title")}>
      {parameters.length > MANY && (
        <TextField
          type="search"
          label={t("parameters.search")}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          sx={{ my: 1 }}
        />
      )}
      <Box
        sx={{
          display: "grid",
          columnGap: 2,
          gridTemplateColumns: "repeat(auto-fill, minmax(min(200px, 100%), 1fr))",
        }}
      >
        {shown.map((one) => (
          <Hyperparameter key={`${algorithm?.name}.${one.name}`} parameter={one} metric={metric} />
        ))}
      </Box>
      {parameters.length > 0 && shown.length === 0 && (
        <Typography variant="body2" color="textSecondary">
          {t("palette.none")}
        </Typography>
      )}
      {others.map(([name, value]) => (
        <Alert
          key={name}
          severity={algorithm ? "warning" : "info"}
          sx={{ mt: 1 }}
          action={
            <Button onClick={() => set(["hyperparameters", name], undefined)}>
              {t("parameters.remove")}
            </Button>
          }
        >
          {name}: {shownValue(value)}
          {algorithm && ` – ${t("parameters.unknown", { algorithm: algorithm.name })}`}
        </Alert>
      ))}
    </Panel>
  );
}

function metricFor(tasks: string[], classes: boolean): string {
  if (tasks.includes("classification") && (classes || !tasks.includes("regression"))) return "accuracy";
  return tasks.includes("regression") ? "r2" : "loss";
}
