import List from "@mui/material/List";
import ListItem from "@mui/material/ListItem";
import ListItemButton from "@mui/material/ListItemButton";
import ListItemIcon from "@mui/material/ListItemIcon";
import ListItemText from "@mui/material/ListItemText";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "react-router";
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
  const here = currentOf(
    items.map((item) => item.path),
    pathname,
  );
  return (
    <List component="nav" aria-label={t("navigation", { ns: "app" })} dense sx={{ width, px: 1 }}>
      {items
        .filter((item) => !item.permission || may(item.permission, null))
        .map((item) => (
          <ListItem key={item.path} disablePadding component="div">
            <ListItemButton
              component={Link}
              to={item.path}
              onClick={onGo}
              selected={item.path === here}
              aria-current={item.path === here ? "page" : undefined}
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

/** Of the places the one that is meant: /jobs/new is not a job. */
export function currentOf(places: string[], pathname: string): string | undefined {
  const above = (place: string) => pathname === place || (place !== "/" && pathname.startsWith(`${place}/`));
  return places.filter(above).sort((a, b) => b.length - a.length)[0];
}
