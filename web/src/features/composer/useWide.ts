import useMediaQuery from "@mui/material/useMediaQuery";

/** Whether both halves fit side by side. */
export function useWide(): boolean {
  return useMediaQuery((theme: { breakpoints: { up: (key: "lg") => string } }) => theme.breakpoints.up("lg"));
}
