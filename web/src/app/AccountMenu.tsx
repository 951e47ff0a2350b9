import { mdiAccountCircle } from "@mdi/js";
import Divider from "@mui/material/Divider";
import IconButton from "@mui/material/IconButton";
import ListSubheader from "@mui/material/ListSubheader";
import Menu from "@mui/material/Menu";
import MenuItem from "@mui/material/MenuItem";
import { useColorScheme } from "@mui/material/styles";
import { type MouseEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Icon, useToast } from "@/components";
import { client, got } from "@/lib/api";
import { speak } from "@/lib/i18n";
import { LANGUAGES } from "@/lib/i18n/language";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";

const MODES = ["system", "light", "dark"] as const;
const NAMES = { en: "English", de: "Deutsch" };

export function AccountMenu() {
  const { t, i18n } = useTranslation("app");
  const { caller } = useSession();
  const { mode, setMode } = useColorScheme();
  const toast = useToast();
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const signOut = async () => {
    try {
      await got(client.POST("/api/v1/auth/logout"));
      window.location.assign("/sign-in");
    } catch (error) {
      toast(String(error), "error");
    }
  };
  return (
    <>
      <IconButton
        edge="end"
        aria-label={t("account.open", { name: caller.username })}
        aria-haspopup="menu"
        onClick={(event: MouseEvent<HTMLElement>) => setAnchor(event.currentTarget)}
      >
        <Icon path={mdiAccountCircle} />
      </IconButton>
      <Menu
        open={anchor !== null}
        anchorEl={anchor}
        onClose={() => setAnchor(null)}
        onClick={() => setAnchor(null)}
      >
        <ListSubheader role="presentation">{caller.username}</ListSubheader>
        <MenuItem component={Link} to={paths.settings}>
          {t("account.settings")}
        </MenuItem>
        <Divider />
        <ListSubheader role="presentation">{t("account.look")}</ListSubheader>
        {MODES.map((one) => (
          <MenuItem
            key={one}
            role="menuitemradio"
            aria-checked={mode === one}
            selected={mode === one}
            onClick={() => setMode(one)}
          >
            {t(`account.modes.${one}`)}
          </MenuItem>
        ))}
        <Divider />
        <ListSubheader role="presentation">{t("account.language")}</ListSubheader>
        {LANGUAGES.map((one) => (
          <MenuItem
            key={one}
            role="menuitemradio"
            lang={one}
            aria-checked={i18n.language === one}
            selected={i18n.language === one}
            onClick={() => void speak(one)}
          >
            {NAMES[one]}
          </MenuItem>
        ))}
        <Divider />
        <MenuItem component="a" href="/api/docs">
          {t("account.api")}
        </MenuItem>
        <MenuItem onClick={() => void signOut()}>{t("account.signOut")}</MenuItem>
      </Menu>
    </>
  );
}
