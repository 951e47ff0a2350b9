import { mdiChevronDown } from "@mdi/js";
import Button from "@mui/material/Button";
import ListItemText from "@mui/material/ListItemText";
import Menu from "@mui/material/Menu";
import MenuItem from "@mui/material/MenuItem";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Icon, useToast } from "@/components";
import { useSession } from "@/lib/session";
import { write } from "../spec/document";
import { commandLine, fileName, python } from "../spec/python";
import { withoutDefaults } from "../spec/spec";
import { TEMPLATES } from "../spec/templates";
import { type Composer, firstText } from "../state";
import { openFile, save } from "./files";
import { PastJob } from "./PastJob";

interface Props {
  composer: Composer;
  onFile: (file: File) => void;
}

/** Where a job file comes from, and where it may go besides the platform. */
export function Sources({ composer, onFile }: Props) {
  const { t } = useTranslation("composer");
  const { homeWorkspace } = useSession();
  const toast = useToast();
  const [past, setPast] = useState(false);
  const { job, text, setText, wrong } = composer;
  const copy = (what: string, words: string) =>
    void navigator.clipboard.writeText(words).then(
      () => toast(t("copy.done", { what }), "success"),
      () => toast(t("copy.refused"), "error"),
    );
  const load = (next: string) => {
    setText(next);
    toast(t("source.loaded"), "info");
  };
  return (
    <>
      <Choices label={t("source.template")}>
        {(close) =>
          TEMPLATES.map((one) => (
            <MenuItem key={one.id} onClick={() => (close(), load(one.text))}>
              <ListItemText primary={t(`template.${one.id}`)} secondary={t(`template.${one.id}-about`)} />
            </MenuItem>
          ))
        }
      </Choices>
      <Choices label={t("source.open")}>
        {(close) => [
          <MenuItem key="past" onClick={() => (close(), setPast(true))}>
            {t("source.past")}
          </MenuItem>,
          <MenuItem key="file" onClick={() => (close(), openFile(onFile))}>
            {t("source.file")}
          </MenuItem>,
          <MenuItem key="empty" onClick={() => (close(), load(firstText(homeWorkspace)))}>
            {t("source.empty")}
          </MenuItem>,
        ]}
      </Choices>
      <Choices label={t("source.out")}>
        {(close) => [
          <MenuItem key="save" onClick={() => (close(), save(fileName(job), text))}>
            {t("source.save")}
          </MenuItem>,
          <MenuItem key="command" onClick={() => (close(), copy(t("copy.command"), commandLine(job)))}>
            {t("source.command")}
          </MenuItem>,
          <MenuItem
            key="python"
            disabled={wrong.length > 0}
            onClick={() => (close(), copy(t("copy.python"), python(job)))}
          >
            {t("source.python")}
          </MenuItem>,
        ]}
      </Choices>
      <PastJob
        open={past}
        onClose={() => setPast(false)}
        onJob={(found) => load(write(withoutDefaults(found.spec)))}
      />
    </>
  );
}

function Choices({ label, children }: { label: string; children: (close: () => void) => ReactNode }) {
  const [at, setAt] = useState<HTMLElement | null>(null);
  const close = () => setAt(null);
  return (
    <>
      <Button
        variant="outlined"
        aria-haspopup="menu"
        aria-expanded={at !== null}
        endIcon={<Icon path={mdiChevronDown} />}
        onClick={(event) => setAt(event.currentTarget)}
      >
        {label}
      </Button>
      <Menu anchorEl={at} open={at !== null} onClose={close}>
        {children(close)}
      </Menu>
    </>
  );
}
