import { mdiClose, mdiContentSaveOutline } from "@mdi/js";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import IconButton from "@mui/material/IconButton";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon } from "@/components";
import { type Filters, isFiltered, sameJobs } from "./filters";
import { BUILT_IN, keepViews, keptViews, LONGEST_NAME, type View, withView } from "./views";

/** Named sets of filters, one press away. */
export function SavedViews({
  filters,
  onChoose,
}: {
  filters: Filters;
  onChoose: (filters: Filters) => void;
}) {
  const { t } = useTranslation("jobs");
  const [kept, setKept] = useState(keptViews);
  const [naming, setNaming] = useState(false);
  const keep = (views: View[]) => {
    keepViews(views);
    setKept(views);
  };
  const shown = [...BUILT_IN, ...kept].some((view) => sameJobs(view.filters, filters));
  return (
    <Stack
      direction="row"
      useFlexGap
      sx={{ flexWrap: "wrap", gap: 1 }}
      role="group"
      aria-label={t("view.label")}
    >
      {BUILT_IN.map((view) => (
        <ViewChip
          key={view.name}
          name={t(`view.${view.name}`)}
          chosen={sameJobs(view.filters, filters)}
          onChoose={() => onChoose(view.filters)}
        />
      ))}
      {kept.map((view) => (
        <Stack key={view.name} direction="row" sx={{ alignItems: "center" }}>
          <ViewChip
            name={view.name}
            chosen={sameJobs(view.filters, filters)}
            onChoose={() => onChoose(view.filters)}
          />
          <IconButton
            size="small"
            aria-label={t("view.forget", { name: view.name })}
            onClick={() => keep(kept.filter((one) => one !== view))}
          >
            <Icon path={mdiClose} fontSize="inherit" />
          </IconButton>
        </Stack>
      ))}
      {!shown && isFiltered(filters) && (
        <Button startIcon={<Icon path={mdiContentSaveOutline} />} onClick={() => setNaming(true)}>
          {t("view.save")}
        </Button>
      )}
      {naming && (
        <NameDialog
          onClose={() => setNaming(false)}
          onName={(name) => (keep(withView(kept, { name, filters })), setNaming(false))}
        />
      )}
    </Stack>
  );
}

function ViewChip({ name, chosen, onChoose }: { name: string; chosen: boolean; onChoose: () => void }) {
  return (
    <Chip
      label={name}
      clickable
      onClick={onChoose}
      aria-pressed={chosen}
      color={chosen ? "primary" : "default"}
      variant={chosen ? "filled" : "outlined"}
    />
  );
}

function NameDialog({ onClose, onName }: { onClose: () => void; onName: (name: string) => void }) {
  const { t } = useTranslation("jobs");
  const [name, setName] = useState("");
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim()) onName(name.trim());
  };
  return (
    <Dialog open onClose={onClose} aria-labelledby={id}>
      <form onSubmit={submit}>
        <DialogTitle id={id}>{t("view.save")}</DialogTitle>
        <DialogContent>
          <TextField
            autoFocus
            required
            fullWidth
            margin="dense"
            label={t("view.name")}
            helperText={t("view.where")}
            value={name}
            onChange={(event) => setName(event.target.value)}
            slotProps={{ htmlInput: { maxLength: LONGEST_NAME } }}
          />
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{t("components:cancel")}</Button>
          <Button type="submit" variant="contained" disabled={!name.trim()}>
            {t("components:save")}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
