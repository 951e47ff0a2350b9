import { mdiChevronDown } from "@mdi/js";
import Accordion from "@mui/material/Accordion";
import AccordionDetails from "@mui/material/AccordionDetails";
import AccordionSummary from "@mui/material/AccordionSummary";
import Typography from "@mui/material/Typography";
import { type ReactNode, useState } from "react";
import { Icon } from "@/components";

interface Props {
  title: string;
  /** What is said while it is closed. */
  summary?: string;
  /** Open until somebody closes it. */
  needed: boolean;
  children: ReactNode;
}

/** A part of the board that few jobs need: closed while nothing in it is set. */
export function Fold({ title, summary, needed, children }: Props) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const open = chosen ?? needed;
  return (
    <Accordion
      expanded={open}
      onChange={(_, next) => setChosen(next)}
      disableGutters
      sx={{ "&::before": { display: "none" }, "&&": { borderRadius: 1 } }}
      slotProps={{ heading: { component: "h2" }, transition: { unmountOnExit: true } }}
    >
      <AccordionSummary expandIcon={<Icon path={mdiChevronDown} />}>
        <Typography component="span" variant="h2" sx={{ mr: 1.5, flexShrink: 0 }}>
          {title}
        </Typography>
        {!open && summary && (
          <Typography component="span" variant="body2" color="textSecondary" sx={{ alignSelf: "center" }}>
            {summary}
          </Typography>
        )}
      </AccordionSummary>
      <AccordionDetails sx={{ pt: 0 }}>{children}</AccordionDetails>
    </Accordion>
  );
}
