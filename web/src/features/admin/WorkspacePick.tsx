import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { mayDo, type Permission, useSession } from "@/lib/session";
import { namesWithDefault, useWorkspaces } from "./queries";

/** The workspace that a section is about, in the address; those that one may do this in. */
export function useChosenWorkspace(
  permission: Permission,
): [string | null, string[], (name: string) => void] {
  const { caller, workspace } = useSession();
  const [search, setSearch] = useSearchParams();
  const found = useWorkspaces();
  const names = namesWithDefault(found.data ?? []).filter((name) => mayDo(caller, permission, name));
  const asked = search.get("in") ?? workspace;
  const chosen = asked !== null && names.includes(asked) ? asked : (names[0] ?? null);
  return [chosen, names, (name) => setSearch({ in: name }, { replace: true })];
}

interface Props {
  value: string;
  of: string[];
  onChange: (name: string) => void;
}

export function WorkspacePick({ value, of, onChange }: Props) {
  const { t } = useTranslation("admin");
  return (
    <TextField
      select
      label={t("workspace")}
      value={value}
      sx={{ minWidth: 180 }}
      onChange={(event) => onChange(event.target.value)}
    >
      {of.map((name) => (
        <MenuItem key={name} value={name}>
          {name}
        </MenuItem>
      ))}
    </TextField>
  );
}
