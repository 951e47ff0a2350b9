import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { stringify } from "yaml";
import { CopyButton, Panel } from "@/components";
import type { Job } from "../queries";
import { saveText } from "../save";
import { Cost } from "./Cost";
import { Profile } from "./Profile";
import { Provenance } from "./Provenance";
import { asWritten } from "./written";

/** What the job was asked to do, what it was made of, and what that took. */
export function SpecTab({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const yaml = useMemo(() => stringify(asWritten(job.spec), { lineWidth: 0 }), [job.spec]);
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2,
        alignItems: "start",
        gridTemplateColumns: { xs: "minmax(0, 1fr)", lg: "repeat(2, minmax(0, 1fr))" },
      }}
    >
      <Panel
        title={t("spec.title")}
        actions={
          <Stack direction="row" sx={{ gap: 1 }}>
            <CopyButton text={yaml} what={t("spec.title")} />
            <Button onClick={() => saveText(`${job.name}.yaml`, yaml, "application/yaml")}>
              {t("spec.download")}
            </Button>
          </Stack>
        }
      >
        <Text of={yaml} label={t("spec.title")} />
      </Panel>
      <Stack sx={{ gap: 2, minWidth: 0 }}>
        {job.kind !== "tune" && <Profile job={job} />}
        {job.kind !== "tune" && <Cost job={job} />}
        {job.kind !== "tune" && <Provenance job={job} />}
      </Stack>
    </Box>
  );
}

export function Text({ of, label }: { of: string; label: string }) {
  return (
    <Box
      component="pre"
      tabIndex={0}
      role="region"
      aria-label={label}
      sx={{ m: 0, maxHeight: 560, overflow: "auto", fontSize: "0.8125rem", overflowWrap: "normal" }}
    >
      {of}
    </Box>
  );
}
