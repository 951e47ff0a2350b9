import { mdiClose } from "@mdi/js";
import Autocomplete from "@mui/material/Autocomplete";
import Box from "@mui/material/Box";
import IconButton from "@mui/material/IconButton";
import Paper from "@mui/material/Paper";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon, LinkCell, StatusChip } from "@/components";
import { ago } from "@/lib/format";
import { paths } from "@/lib/paths";
import type { Compared } from "./ComparePage";
import { MOST } from "./ids";
import { Mark } from "./Mark";
import { type Job, useOffered } from "./queries";

const TYPED_MS = 250;

interface Props {
  compared: Compared[];
  ids: string[];
  onChange: (ids: string[]) => void;
}

/** The jobs that are compared, each with its line; one more can be added, and each left out. */
export function Chosen({ compared, ids, onChange }: Props) {
  const { t } = useTranslation("jobs");
  return (
    <Stack sx={{ gap: 1 }}>
      {compared.length > 0 && (
        <Stack
          component="ul"
          direction="row"
          useFlexGap
          aria-label={t("compare.jobs")}
          sx={{ flexWrap: "wrap", gap: 1, m: 0, p: 0, listStyle: "none" }}
        >
          {compared.map(({ job, label, at }) => (
            <Paper
              key={job.job_id}
              component="li"
              sx={{ display: "flex", alignItems: "center", gap: 1, pl: 1, maxWidth: "100%" }}
            >
              <Mark at={at} />
              <LinkCell to={paths.job(job.job_id)}>{label}</LinkCell>
              <StatusChip status={job.status} />
              <IconButton
                size="small"
                aria-label={t("compare.remove", { name: label })}
                onClick={() => onChange(ids.filter((id) => id !== job.job_id))}
              >
                <Icon path={mdiClose} fontSize="small" />
              </IconButton>
            </Paper>
          ))}
        </Stack>
      )}
      <Add ids={ids} onAdd={(id) => onChange([...ids, id])} />
    </Stack>
  );
}

function Add({ ids, onAdd }: { ids: string[]; onAdd: (id: string) => void }) {
  const { t } = useTranslation("jobs");
  const [typed, setTyped] = useState("");
  const [wanted, setWanted] = useState("");
  const offered = useOffered(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setWanted(typed.trim()), TYPED_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const full = ids.length >= MOST;
  return (
    <Autocomplete<Job>
      sx={{ maxWidth: 460 }}
      options={(offered.data ?? []).filter((job) => !ids.includes(job.job_id))}
      getOptionLabel={(job) => job.name}
      getOptionKey={(job) => job.job_id}
      // The server has looked for it already.
      filterOptions={(options) => options}
      value={null}
      blurOnSelect
      inputValue={typed}
      onInputChange={(_, text, why) => setTyped(why === "input" ? text : "")}
      onChange={(_, job) => job && onAdd(job.job_id)}
      loading={offered.isFetching}
      disabled={full}
      renderOption={({ key, ...rest }, job) => (
        <li key={key} {...rest}>
          <Box sx={{ minWidth: 0 }}>
            {job.name}
            <Typography variant="caption" color="textSecondary" component="div">
              {t(`components:status.${job.status}`)}, {ago(job.created_at)}, {job.job_id}
            </Typography>
          </Box>
        </li>
      )}
      renderInput={(params) => (
        <TextField
          {...params}
          label={t("compare.add")}
          helperText={full ? t("compare.full", { count: MOST }) : t("compare.addHint")}
        />
      )}
    />
  );
}
