import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import { useTranslation } from "react-i18next";
import { KeysPanel, Page } from "@/components";
import { useSession } from "@/lib/session";
import { Look } from "./Look";
import { Password } from "./Password";
import { Profile } from "./Profile";
import { SecondFactor } from "./SecondFactor";
import { Sessions } from "./Sessions";
import { allOf, kindOf } from "./who";

export function Component() {
  const { t } = useTranslation("access");
  const { caller } = useSession();
  const kind = kindOf(caller);
  const all = allOf(caller);
  return (
    <Page title={t("nav")}>
      <Stack sx={{ gap: 2 }}>
        {kind !== "person" && <Alert severity="info">{t(`kind.${kind}`)}</Alert>}
        <Box
          sx={{
            display: "grid",
            gap: 2,
            gridTemplateColumns: { xs: "minmax(0, 1fr)", lg: "repeat(2, minmax(0, 1fr))" },
          }}
        >
          <Profile />
          <Look />
          {kind === "person" && <Password />}
          {kind === "person" && <SecondFactor />}
        </Box>
        <Sessions />
        {kind === "person" && <KeysPanel scopes={all} workspaces={Object.keys(caller.workspaces)} />}
      </Stack>
    </Page>
  );
}
