import Autocomplete from "@mui/material/Autocomplete";
import Dialog from "@mui/material/Dialog";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";
import { client, got } from "@/lib/api";
import { paths } from "@/lib/paths";
import { useSession, useWorkspaceQuery } from "@/lib/session";
import { features } from "./features";

interface Entry {
  group: string;
  label: string;
  path: string;
}

const MOST = 100;

/** Goes anywhere by typing: places, commands, and what there is by its name. */
export default function CommandPalette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("app");
  const navigate = useNavigate();
  const entries = [...usePlaces(), ...useThings()];
  const [text, setText] = useState("");
  return (
    <Dialog
      open
      onClose={onClose}
      fullWidth
      maxWidth="sm"
      aria-label={t("palette.label")}
      sx={{ "& .MuiDialog-container": { alignItems: "start" } }}
    >
      <Autocomplete<Entry>
        open
        autoHighlight
        disablePortal
        forcePopupIcon={false}
        options={entries}
        groupBy={(entry) => entry.group}
        getOptionKey={(entry) => entry.path + entry.label}
        getOptionLabel={(entry) => entry.label}
        inputValue={text}
        onInputChange={(_, typed) => setText(typed)}
        onChange={(_, entry) => {
          onClose();
          if (entry) void navigate(entry.path);
        }}
        onClose={(_, reason) => reason === "escape" && onClose()}
        noOptionsText={t("palette.nothing")}
        slotProps={{
          popper: {
            sx: { position: "static !important", transform: "none !important", width: "100% !important" },
          },
        }}
        renderInput={(params) => (
          <TextField
            {...params}
            autoFocus
            label={t("palette.label")}
            placeholder={t("palette.hint")}
            sx={{ m: 2, width: "calc(100% - 32px)" }}
          />
        )}
      />
      <Typography variant="caption" color="textSecondary" sx={{ px: 2, pb: 1 }}>
        {t("palette.keys")}
      </Typography>
    </Dialog>
  );
}

function usePlaces(): Entry[] {
  const { t } = useTranslation("app");
  const { may } = useSession();
  const group = t("palette.places");
  return features.flatMap((feature) =>
    [...(feature.nav ?? []), ...(feature.commands ?? [])]
      .filter((one) => !one.permission || may(one.permission, null))
      .map((one) => ({ group, label: t(one.label, { ns: feature.name }), path: one.path })),
  );
}

function useThings(): Entry[] {
  const { t } = useTranslation("app");
  const query = { ...useWorkspaceQuery(), limit: MOST };
  const jobs = useQuery({
    queryKey: ["jobs", "list", "palette", query],
    queryFn: ({ signal }) => got(client.GET("/api/v1/jobs", { params: { query }, signal })),
  });
  const datasets = useQuery({
    queryKey: ["datasets", "palette", query],
    queryFn: ({ signal }) => got(client.GET("/api/v1/datasets", { params: { query }, signal })),
  });
  const models = useQuery({
    queryKey: ["models", "palette", query],
    queryFn: ({ signal }) => got(client.GET("/api/v1/models", { params: { query }, signal })),
  });
  return [
    ...(jobs.data?.items ?? []).map((job) => ({
      group: t("palette.jobs"),
      label: `${job.name} · ${job.job_id}`,
      path: paths.job(job.job_id),
    })),
    ...(datasets.data?.items ?? []).map((one) => ({
      group: t("palette.datasets"),
      label: one.name,
      path: paths.dataset(one.name),
    })),
    ...(models.data?.items ?? []).map((one) => ({
      group: t("palette.models"),
      label: one.name,
      path: paths.model(one.name),
    })),
  ];
}
