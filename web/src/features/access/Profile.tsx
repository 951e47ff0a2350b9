import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Ago, Facts, Panel } from "@/components";
import { useSession } from "@/lib/session";
import { useMyself } from "./queries";
import { kindOf } from "./who";

/** Who one is, and what one may do where. */
export function Profile() {
  const { t } = useTranslation("access");
  const { caller } = useSession();
  const myself = useMyself(caller.username, kindOf(caller) !== "owner").data;
  const places = Object.entries(caller.workspaces).filter(([, held]) => held.length > 0);
  return (
    <Panel title={t("profile.title")}>
      <Stack sx={{ gap: 2 }}>
        <Facts
          columns={2}
          of={[
            [t("profile.name"), caller.username],
            [t("profile.via"), t(`profile.by.${caller.via}`, { defaultValue: caller.via })],
            [t("profile.email"), myself?.email],
            [t("profile.role"), myself?.role],
            [t("profile.since"), myself && <Ago key="since" at={myself.created_at} />],
          ]}
        />
        {caller.everywhere.length > 0 && <Held where={t("profile.everywhere")} of={caller.everywhere} />}
        {places.map(([name, held]) => (
          <Held key={name} where={t("profile.within", { name })} of={held} />
        ))}
        {caller.everywhere.length === 0 && places.length === 0 && (
          <Typography variant="body2">{t("profile.nothing")}</Typography>
        )}
      </Stack>
    </Panel>
  );
}

function Held({ where, of }: { where: string; of: readonly string[] }) {
  return (
    <Box>
      <Typography variant="h3" sx={{ mb: 0.5 }}>
        {where}
      </Typography>
      <Box
        component="ul"
        aria-label={where}
        sx={{ m: 0, p: 0, listStyle: "none", display: "flex", flexWrap: "wrap", gap: 0.5 }}
      >
        {of.map((one) => (
          <li key={one}>
            <Chip size="small" variant="outlined" label={one} />
          </li>
        ))}
      </Box>
    </Box>
  );
}
