import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import { useTranslation } from "react-i18next";
import { CopyButton, Panel } from "@/components";
import { formatsOf } from "./describe";
import type { Version } from "./queries";
import { snippets } from "./snippets";

/** How the version is got and used elsewhere. */
export function UseView({ version }: { version: Version }) {
  const { t } = useTranslation("registry");
  const onnx = formatsOf(version).find((one) => one.format === "onnx")?.file ?? null;
  return (
    <Stack spacing={2}>
      {snippets(version, window.location.origin, onnx).map(({ id, text }) => (
        <Panel key={id} title={t(`use.${id}`)} actions={<CopyButton text={text} what={t(`use.${id}`)} />}>
          <Box
            component="pre"
            tabIndex={0}
            sx={{
              m: 0,
              p: 1.5,
              overflow: "auto",
              bgcolor: "action.hover",
              borderRadius: 1,
              fontSize: "0.8125rem",
            }}
          >
            {text}
          </Box>
        </Panel>
      ))}
    </Stack>
  );
}
