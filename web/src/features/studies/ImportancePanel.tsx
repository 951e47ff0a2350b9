import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import { percent } from "@/lib/format";
import { ENOUGH_FOR_IMPORTANCE, useImportance } from "./queries";
import type { Study } from "./values";

/** How much each hyperparameter explains, as bars with their figures: a list is all the drawing that it needs. */
function ImportancePanel({ study }: { study: Study }) {
  const { t } = useTranslation("studies");
  const found = useImportance(study);
  const enough = (study.counts.completed ?? 0) >= ENOUGH_FOR_IMPORTANCE;
  return (
    <Panel title={t("importance")}>
      {!enough ? (
        <Empty title={t("noImportance")}>{t("noImportanceHint", { count: ENOUGH_FOR_IMPORTANCE })}</Empty>
      ) : (
        <Query of={found} height={160}>
          {({ items }) => (
            <Box component="ul" sx={{ m: 0, p: 0, listStyle: "none", display: "grid", gap: 0.75 }}>
              {items.map((one) => (
                <Bar key={one.name} name={one.name} share={one.importance} />
              ))}
            </Box>
          )}
        </Query>
      )}
    </Panel>
  );
}

function Bar({ name, share }: { name: string; share: number }) {
  return (
    <Box
      component="li"
      sx={{
        display: "grid",
        gap: 1,
        alignItems: "center",
        gridTemplateColumns: { xs: "minmax(0, 110px) 1fr 56px", sm: "minmax(0, 220px) 1fr 64px" },
      }}
    >
      <Typography variant="body2" noWrap title={name}>
        {name}
      </Typography>
      <Box aria-hidden sx={{ height: 14, borderRadius: 1, bgcolor: "action.hover" }}>
        <Box
          sx={{
            height: 1,
            borderRadius: 1,
            bgcolor: "primary.main",
            width: `${100 * share}%`,
            minWidth: "2px",
          }}
        />
      </Box>
      <Typography variant="body2" sx={{ textAlign: "right" }}>
        {percent(share, 1)}
      </Typography>
    </Box>
  );
}

export default memo(ImportancePanel);
