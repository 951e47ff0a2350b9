import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import Typography from "@mui/material/Typography";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import type { Outcome } from "./bulk";
import type { Action } from "./row";

const MOST_SHOWN = 100;

/** What became of each, where not all went well: those that were refused first. */
export function Outcomes(props: { action: Action; outcomes: readonly Outcome[]; onClose: () => void }) {
  const { action, outcomes, onClose } = props;
  const { t } = useTranslation("jobs");
  const id = useId();
  const refused = outcomes.filter((one) => one.refused !== null);
  const well = outcomes.length - refused.length;
  return (
    <Dialog open onClose={onClose} aria-labelledby={id} maxWidth="md">
      <DialogTitle id={id}>{t("bulk.refused", { count: refused.length, all: outcomes.length })}</DialogTitle>
      <DialogContent>
        {well > 0 && <Typography>{t(`bulk.${action}.done`, { count: well })}</Typography>}
        <ul>
          {refused.slice(0, MOST_SHOWN).map((one) => (
            <li key={one.id}>
              <strong>{one.name}</strong> ({one.id}): {one.refused}
            </li>
          ))}
        </ul>
        {refused.length > MOST_SHOWN && t("bulk.more", { count: refused.length - MOST_SHOWN })}
      </DialogContent>
      <DialogActions>
        <Button autoFocus onClick={onClose}>
          {t("components:close")}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
