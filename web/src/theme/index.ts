import { createTheme } from "@mui/material/styles";
import type {} from "@mui/material/themeCssVarsAugmentation";

/** Of a line in a chart and its name: told apart by people who do not see red and green, too (Okabe and Ito, 2008). */
export const SERIES_LIGHT = [
  "#0b57d0",
  "#b3441e",
  "#00734f",
  "#9a3f8f",
  "#7a5d00",
  "#006a8e",
  "#b3261e",
  "#4a4f57",
];
export const SERIES_DARK = [
  "#8ab4ff",
  "#ff9e7a",
  "#5fd3a6",
  "#e6a0dc",
  "#e2c14d",
  "#6cc6ea",
  "#ff8f87",
  "#b4bac4",
];

export const theme = createTheme({
  cssVariables: { colorSchemeSelector: "data-color-scheme" },
  colorSchemes: {
    light: {
      palette: {
        primary: { main: "#0b57d0" },
        secondary: { main: "#5b3fa8" },
        success: { main: "#146c2e" },
        warning: { main: "#8a4b00" },
        error: { main: "#b3261e" },
        info: { main: "#00658f" },
        background: { default: "#f6f7f9", paper: "#ffffff" },
        text: { primary: "#171b21", secondary: "#4d5560" },
      },
    },
    dark: {
      palette: {
        primary: { main: "#8ab4ff" },
        secondary: { main: "#c9b6ff" },
        success: { main: "#7bd88f" },
        warning: { main: "#ffb870" },
        error: { main: "#ff9a92" },
        info: { main: "#7fd0f5" },
        background: { default: "#10151c", paper: "#181e27" },
        text: { primary: "#e6e9ee", secondary: "#aab2bd" },
      },
    },
  },
  shape: { borderRadius: 8 },
  typography: {
    fontFamily:
      "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', sans-serif",
    h1: { fontSize: "1.5rem", fontWeight: 650, lineHeight: 1.3 },
    h2: { fontSize: "1.125rem", fontWeight: 650, lineHeight: 1.4 },
    h3: { fontSize: "1rem", fontWeight: 650, lineHeight: 1.4 },
    button: { textTransform: "none", fontWeight: 600 },
  },
  components: {
    MuiButton: { defaultProps: { disableElevation: true, size: "small" } },
    MuiPaper: { defaultProps: { variant: "outlined" } },
    MuiTextField: { defaultProps: { size: "small" } },
    MuiSelect: { defaultProps: { size: "small" } },
    MuiTable: { defaultProps: { size: "small" } },
    MuiTooltip: { defaultProps: { arrow: true } },
    MuiAppBar: { defaultProps: { elevation: 0, color: "default" } },
    MuiCssBaseline: {
      styleOverrides: {
        "*:focus-visible": { outline: "3px solid var(--mui-palette-warning-main)", outlineOffset: "2px" },
        body: { overflowWrap: "anywhere" },
        "@media (prefers-reduced-motion: reduce)": {
          "*, *::before, *::after": {
            animationDuration: "0.01ms !important",
            transitionDuration: "0.01ms !important",
          },
        },
      },
    },
  },
});
