import Autocomplete from "@mui/material/Autocomplete";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { Empty, KeysPanel, Query } from "@/components";
import { useSession } from "@/lib/session";
import { namesWithDefault, useUsers, useWorkspaces } from "../queries";

/** Keys of whomever one chooses. */
export default function Keys() {
  const { t } = useTranslation("admin");
  const [search, setSearch] = useSearchParams();
  const { caller } = useSession();
  const workspaces = useWorkspaces();
  const user = search.get("user");
  return (
    <Stack sx={{ gap: 2 }}>
      <Query of={useUsers()} height={40}>
        {(users) => (
          <Autocomplete
            sx={{ maxWidth: 400 }}
            size="small"
            options={users.map(({ name }) => name)}
            value={user}
            onChange={(_, chosen) => setSearch(chosen ? { user: chosen } : {}, { replace: true })}
            renderInput={(params) => <TextField {...params} label={t("keys.whose")} />}
          />
        )}
      </Query>
      {user === null ? (
        <Empty title={t("keys.choose")} />
      ) : (
        <KeysPanel
          key={user}
          user={user}
          scopes={[...caller.everywhere]}
          workspaces={namesWithDefault(workspaces.data ?? [])}
        />
      )}
    </Stack>
  );
}
