import { mdiContentCopy } from "@mdi/js";
import IconButton from "@mui/material/IconButton";
import Tooltip from "@mui/material/Tooltip";
import { useTranslation } from "react-i18next";
import { Icon } from "./Icon";
import { useToast } from "./toast";

export function CopyButton({ text, what }: { text: string; what: string }) {
  const { t } = useTranslation("components");
  const toast = useToast();
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    toast(t("copied"), "success");
  };
  return (
    <Tooltip title={t("copy", { what })}>
      <IconButton size="small" aria-label={t("copy", { what })} onClick={() => void copy()}>
        <Icon path={mdiContentCopy} fontSize="small" />
      </IconButton>
    </Tooltip>
  );
}
