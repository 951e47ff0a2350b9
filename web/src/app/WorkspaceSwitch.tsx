import FormControl from "@mui/material/FormControl";
import MenuItem from "@mui/material/MenuItem";
import Select from "@mui/material/Select";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { client, got } from "@/lib/api";
import { useSession } from "@/lib/session";

const ALL = "";

/** Which workspace's things are shown; not there for those who have one only. */
export function WorkspaceSwitch() {
  const { t } = useTranslation("app");
  const { workspace, chooseWorkspace } = useSession();
  const found = useQuery({
    queryKey: ["workspaces"],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/workspaces", { params: { query: { limit: 200 } }, signal })),
    staleTime: 60_000,
  });
  const names = (found.data?.items ?? []).map((one) => one.name);
  if (workspace !== null && !names.includes(workspace)) names.push(workspace);
  if (names.length < 2) return null;
  return (
    <FormControl size="small" sx={{ minWidth: { xs: 96, sm: 150 }, maxWidth: 200 }}>
      <Select
        displayEmpty
        value={workspace ?? ALL}
        onChange={(event) => chooseWorkspace(event.target.value === ALL ? null : event.target.value)}
        slotProps={{ input: { "aria-label": t("workspace.label") } }}
        sx={{ "& .MuiSelect-select": { py: 0.5 } }}
      >
        <MenuItem value={ALL}>{t("workspace.all")}</MenuItem>
        {names.map((name) => (
          <MenuItem key={name} value={name}>
            {name}
          </MenuItem>
        ))}
      </Select>
    </FormControl>
  );
}
