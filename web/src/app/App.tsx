import Box from "@mui/material/Box";
import CircularProgress from "@mui/material/CircularProgress";
import CssBaseline from "@mui/material/CssBaseline";
import { ThemeProvider } from "@mui/material/styles";
import { QueryClientProvider } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { RouterProvider } from "react-router/dom";
import { ToastProvider } from "@/components";
import { LiveProvider } from "@/lib/live";
import { newQueryClient } from "@/lib/queries";
import { SessionProvider } from "@/lib/session";
import { theme } from "@/theme";
import { newRouter } from "./router";

function Waiting() {
  const { t } = useTranslation("app");
  return (
    <Box
      sx={{ display: "grid", placeItems: "center", height: "100vh" }}
      role="status"
      aria-label={t("loading")}
    >
      <CircularProgress aria-hidden />
    </Box>
  );
}

export function App() {
  const [queries] = useState(newQueryClient);
  const [router] = useState(newRouter);
  return (
    <ThemeProvider theme={theme} defaultMode="system" noSsr>
      <CssBaseline enableColorScheme />
      <QueryClientProvider client={queries}>
        <SessionProvider waiting={<Waiting />}>
          <LiveProvider>
            <ToastProvider>
              <RouterProvider router={router} />
            </ToastProvider>
          </LiveProvider>
        </SessionProvider>
      </QueryClientProvider>
    </ThemeProvider>
  );
}
