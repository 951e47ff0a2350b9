import { mdiMagnify, mdiMenu } from "@mdi/js";
import AppBar from "@mui/material/AppBar";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Drawer from "@mui/material/Drawer";
import IconButton from "@mui/material/IconButton";
import LinearProgress from "@mui/material/LinearProgress";
import Toolbar from "@mui/material/Toolbar";
import Typography from "@mui/material/Typography";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, Outlet, useNavigation } from "react-router";
import { Icon } from "@/components";
import { paths } from "@/lib/paths";
import { AccountMenu } from "./AccountMenu";
import { LiveBadge } from "./LiveBadge";
import { Navigation } from "./Navigation";
import { useShortcuts } from "./shortcuts";
import { WorkspaceSwitch } from "./WorkspaceSwitch";

const CommandPalette = lazy(() => import("./CommandPalette"));
const WIDTH = 216;

/** What is around every page. */
export function Shell() {
  const { t } = useTranslation("app");
  const [menu, setMenu] = useState(false);
  const [palette, setPalette] = useState(false);
  useShortcuts({ onPalette: () => setPalette(true) });
  const loading = useNavigation().state !== "idle";
  return (
    <Box sx={{ display: "flex", minHeight: "100vh" }}>
      <Box
        component="a"
        href="#main"
        sx={{
          position: "absolute",
          left: -9999,
          zIndex: 2000,
          p: 1,
          bgcolor: "background.paper",
          "&:focus": { left: 8, top: 8 },
        }}
      >
        {t("skip")}
      </Box>
      <AppBar
        position="fixed"
        sx={{ zIndex: 1201, bgcolor: "background.paper", borderBottom: 1, borderColor: "divider" }}
      >
        <Toolbar variant="dense" sx={{ gap: 1 }}>
          <IconButton
            sx={{ display: { lg: "none" } }}
            edge="start"
            aria-label={t("menu")}
            onClick={() => setMenu(true)}
          >
            <Icon path={mdiMenu} />
          </IconButton>
          <Box
            component={Link}
            to={paths.overview}
            aria-label="TensorFleet"
            sx={{ display: "flex", gap: 1, alignItems: "center", color: "inherit", textDecoration: "none" }}
          >
            <img src="/icon.svg" alt="" width={26} height={26} />
            <Typography component="span" sx={{ fontWeight: 700, display: { xs: "none", sm: "block" } }}>
              TensorFleet
            </Typography>
          </Box>
          <WorkspaceSwitch />
          <Box sx={{ flex: 1 }} />
          <LiveBadge />
          <Button
            color="inherit"
            aria-label={t("palette.openBy", { keys: "Ctrl K" })}
            onClick={() => setPalette(true)}
            sx={{ minWidth: 0, border: 1, borderColor: "divider" }}
            startIcon={<Icon path={mdiMagnify} />}
          >
            <Box component="kbd" sx={{ display: { xs: "none", sm: "inline" }, fontFamily: "inherit" }}>
              Ctrl K
            </Box>
          </Button>
          <AccountMenu />
        </Toolbar>
        {loading && (
          <LinearProgress aria-label={t("loading")} sx={{ position: "absolute", bottom: 0, width: "100%" }} />
        )}
      </AppBar>
      <Drawer open={menu} onClose={() => setMenu(false)} sx={{ display: { lg: "none" } }}>
        <Toolbar variant="dense" />
        <Navigation onGo={() => setMenu(false)} width={WIDTH} />
      </Drawer>
      <Box
        sx={{
          display: { xs: "none", lg: "block" },
          width: WIDTH,
          flexShrink: 0,
          borderRight: 1,
          borderColor: "divider",
          bgcolor: "background.paper",
        }}
      >
        <Box sx={{ position: "sticky", top: 0, maxHeight: "100vh", overflow: "auto" }}>
          <Toolbar variant="dense" />
          <Navigation width={WIDTH} />
        </Box>
      </Box>
      <Box component="main" id="main" tabIndex={-1} sx={{ flex: 1, minWidth: 0, outline: "none" }}>
        <Toolbar variant="dense" />
        <Outlet />
      </Box>
      <Suspense>{palette && <CommandPalette onClose={() => setPalette(false)} />}</Suspense>
    </Box>
  );
}
