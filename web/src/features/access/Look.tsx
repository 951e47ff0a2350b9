import MenuItem from "@mui/material/MenuItem";
import Stack from "@mui/material/Stack";
import { useColorScheme } from "@mui/material/styles";
import TextField from "@mui/material/TextField";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import { client, got } from "@/lib/api";
import { speak } from "@/lib/i18n";
import { type Language, LANGUAGES } from "@/lib/i18n/language";
import { useSession } from "@/lib/session";

const NAMES: Record<Language, string> = { en: "English", de: "Deutsch" };
const MODES = ["system", "light", "dark"] as const;

/** What the page remembers in this browser. */
export function Look() {
  const { t, i18n } = useTranslation("access");
  const { mode, setMode } = useColorScheme();
  const { workspace, chooseWorkspace } = useSession();
  const found = useQuery({
    queryKey: ["workspaces", "list"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/workspaces", { params: { query: { limit: 1000 } }, signal })).then(
        ({ items }) => items,
      ),
  });
  const names = new Set([
    "default",
    ...(found.data ?? []).map(({ name }) => name),
    ...(workspace ? [workspace] : []),
  ]);
  return (
    <Panel title={t("look.title")}>
      <Stack sx={{ gap: 2, pt: 1, maxWidth: 360 }}>
        <TextField
          select
          label={t("look.language")}
          value={i18n.language}
          onChange={(event) => void speak(event.target.value as Language)}
        >
          {LANGUAGES.map((one) => (
            <MenuItem key={one} value={one} lang={one}>
              {NAMES[one]}
            </MenuItem>
          ))}
        </TextField>
        <TextField
          select
          label={t("look.mode")}
          value={mode ?? "system"}
          onChange={(event) => setMode(event.target.value as (typeof MODES)[number])}
        >
          {MODES.map((one) => (
            <MenuItem key={one} value={one}>
              {t(`look.modes.${one}`)}
            </MenuItem>
          ))}
        </TextField>
        <TextField
          select
          label={t("look.workspace")}
          helperText={t("look.workspaceHelp")}
          value={workspace ?? ""}
          slotProps={{ select: { displayEmpty: true }, inputLabel: { shrink: true } }}
          onChange={(event) => chooseWorkspace(event.target.value || null)}
        >
          <MenuItem value="">{t("look.all")}</MenuItem>
          {[...names].map((one) => (
            <MenuItem key={one} value={one}>
              {one}
            </MenuItem>
          ))}
        </TextField>
      </Stack>
    </Panel>
  );
}
