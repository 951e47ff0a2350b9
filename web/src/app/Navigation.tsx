import List from "@mui/material/List";
import ListItem from "@mui/material/ListItem";
import ListItemButton from "@mui/material/ListItemButton";
import ListItemIcon from "@mui/material/ListItemIcon";
import ListItemText from "@mui/material/ListItemText";
import { useTranslation } from "react-i18next";
import { NavLink, useLocation } from "react-router";
import { Icon } from "@/components";
import { useSession } from "@/lib/session";
import { features } from "./features";

/** Where one can go; what one may not see is not there. */
export function Navigation({ width, onGo }: { width: number; onGo?: () => void }) {
  const { t } = useTranslation();
  const { may } = useSession();
  const { pathname } = useLocation();
  const items = features.flatMap((feature) =>
    (feature.nav ?? []).map((item) => ({ ...item, from: feature.name })),
  );
  return (
    <List component="nav" aria-label={t("navigation", { ns: "app" })} dense sx={{ width, px: 1 }}>
      {items
        .filter((item) => !item.permission || may(item.permission, null))
        .map((item) => (
          <ListItem key={item.path} disablePadding component="div">
            <ListItemButton
              component={NavLink}
              to={item.path}
              end={item.path === "/"}
              onClick={onGo}
              selected={item.path === "/" ? pathname === "/" : pathname.startsWith(item.path)}
              sx={{ borderRadius: 1, mb: 0.25 }}
            >
              <ListItemIcon sx={{ minWidth: 36 }}>
                <Icon path={item.icon} fontSize="small" />
              </ListItemIcon>
              <ListItemText primary={t(item.label, { ns: item.from })} />
            </ListItemButton>
          </ListItem>
        ))}
    </List>
  );
}
