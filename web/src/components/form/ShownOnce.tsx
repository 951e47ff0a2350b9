import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import { CopyButton } from "../CopyButton";

/** A key or a secret that the server does not show again. */
export function ShownOnce({ text, what, note }: { text: string; what: string; note: string }) {
  return (
    <Stack sx={{ gap: 2, pt: 1 }}>
      <Alert severity="warning">{note}</Alert>
      <Stack direction="row" sx={{ gap: 1, alignItems: "center" }}>
        <Box
          component="code"
          aria-label={what}
          role="textbox"
          aria-readonly
          tabIndex={0}
          sx={{
            p: 1,
            flex: 1,
            minWidth: 0,
            bgcolor: "action.hover",
            borderRadius: 1,
            overflowWrap: "anywhere",
          }}
        >
          {text}
        </Box>
        <CopyButton text={text} what={what} />
      </Stack>
    </Stack>
  );
}
