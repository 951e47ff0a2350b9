import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Ago, Facts, Panel, Query, StatusChip } from "@/components";
import type { Schemas } from "@/lib/api";
import { useHealth } from "../queries";

type Part = Schemas["PartRead"];
const KNOWN = ["status", "since", "detail", "meaning"];

export default function Health() {
  const { t } = useTranslation("admin");
  return (
    <Query of={useHealth()} height={400}>
      {(found) => (
        <Stack sx={{ gap: 2 }}>
          <Alert severity={found.status === "ok" ? "success" : found.accepts_jobs ? "warning" : "error"}>
            {t(found.status === "ok" ? "health.ok" : found.accepts_jobs ? "health.degraded" : "health.down")}{" "}
            {t("health.version", { version: found.version })}
          </Alert>
          <Box
            sx={{
              display: "grid",
              gap: 2,
              gridTemplateColumns: {
                xs: "minmax(0, 1fr)",
                md: "repeat(2, minmax(0, 1fr))",
                xl: "repeat(3, minmax(0, 1fr))",
              },
            }}
          >
            {Object.entries(found.parts).map(([name, part]) => (
              <PartPanel key={name} name={name} of={part} />
            ))}
          </Box>
        </Stack>
      )}
    </Query>
  );
}

function PartPanel({ name, of: part }: { name: string; of: Part }) {
  const { t } = useTranslation("admin");
  const more = Object.entries(part).filter(([key]) => !KNOWN.includes(key));
  return (
    <Panel
      title={t(`health.parts.${name}`, { defaultValue: name })}
      actions={<StatusChip status={part.status} />}
    >
      <Stack sx={{ gap: 1 }}>
        <Typography variant="body2" color="textSecondary">
          {t(`health.about.${name}`, { defaultValue: "" })}
        </Typography>
        {part.detail && <Typography variant="body2">{part.detail}</Typography>}
        {part.meaning && (
          <Typography variant="body2">
            <strong>{t("health.meaning")}</strong> {part.meaning}
          </Typography>
        )}
        <Facts
          columns={2}
          of={[
            [t("health.since"), <Ago key="since" at={part.since} />],
            ...more.map(([key, value]): [string, string] => [
              key,
              typeof value === "string" ? value : JSON.stringify(value),
            ]),
          ]}
        />
      </Stack>
    </Panel>
  );
}
