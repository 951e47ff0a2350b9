import { useDraggable } from "@dnd-kit/core";
import { mdiCheck, mdiDragVertical } from "@mdi/js";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import IconButton from "@mui/material/IconButton";
import Paper from "@mui/material/Paper";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Icon } from "@/components";
import type { Sort } from "./dragging";

interface Props {
  sort: Sort;
  name: string;
  about?: string;
  used: boolean;
  onUse: () => void;
}

/** Dragged with the mouse or a finger anywhere, with the keyboard at its handle; or used by its button. */
export function Card({ sort, name, about, used, onUse }: Props) {
  const { t } = useTranslation("composer");
  const { setNodeRef, setActivatorNodeRef, listeners, attributes } = useDraggable({
    id: `${sort}:${name}`,
    data: { sort, name },
  });
  return (
    <Paper
      component="li"
      ref={setNodeRef}
      {...listeners}
      sx={{ display: "flex", alignItems: "center", gap: 0.5, p: 0.5, cursor: "grab" }}
    >
      <IconButton
        ref={setActivatorNodeRef}
        {...attributes}
        size="small"
        aria-label={t("drag.handle", { name })}
        sx={{ cursor: "grab", px: 0.25, borderRadius: 1 }}
      >
        <Icon path={mdiDragVertical} fontSize="small" />
      </IconButton>
      <Box sx={{ flex: 1, minWidth: 0 }}>
        <Typography variant="body2" sx={{ fontWeight: 600 }}>
          {name}
        </Typography>
        {about && (
          <Typography variant="caption" color="textSecondary" component="p">
            {about}
          </Typography>
        )}
      </Box>
      <Button
        aria-label={t(used ? "usedName" : "useName", { name })}
        onClick={onUse}
        sx={{ minWidth: 0, flexShrink: 0, px: 0.75 }}
        {...(used ? { startIcon: <Icon path={mdiCheck} /> } : {})}
      >
        {t(used ? "used" : "use")}
      </Button>
    </Paper>
  );
}
