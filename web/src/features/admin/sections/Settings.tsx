import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Facts, Panel, Query } from "@/components";
import { useSettings } from "../queries";
import { linesOf } from "../settingLines";

/** What the platform runs with, without anything secret; it is changed in its settings file. */
export default function Settings() {
  const { t } = useTranslation("admin");
  return (
    <Query of={useSettings()} height={500}>
      {({ version, ...parts }) => (
        <Stack sx={{ gap: 2 }}>
          <Typography color="textSecondary">{t("settings.about", { version })}</Typography>
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
            {Object.entries(parts).map(([name, values]) => (
              <Panel key={name} title={t(`settings.parts.${name}`, { defaultValue: name })}>
                <Lines of={values} />
              </Panel>
            ))}
          </Box>
        </Stack>
      )}
    </Query>
  );
}

function Lines({ of: values }: { of: unknown }) {
  const { t } = useTranslation("admin");
  const lines = linesOf(values);
  if (lines.length === 0) return <Typography variant="body2">{t("settings.none")}</Typography>;
  const said = { true: t("yes"), false: t("no"), null: "–" } as Record<string, string>;
  return (
    <Facts columns={2} of={lines.map(([name, value]): [string, string] => [name, said[value] ?? value])} />
  );
}
