import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Empty, Facts, Panel, Query } from "@/components";
import { duration, percent } from "@/lib/format";
import { useSession } from "@/lib/session";
import { Decisions } from "./Decisions";
import { useScaling } from "./queries";
import { limitsOf, type Scaling, signalOf } from "./scaling";
import { WantedForm } from "./WantedForm";

/** How many workers there should be: who says so, within which limits, and every decision. */
export function ScalePanel({ slots }: { slots: number | null }) {
  const { t } = useTranslation("fleet");
  const found = useScaling();
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2,
        gridTemplateColumns: { xs: "minmax(0, 1fr)", md: "repeat(2, minmax(0, 1fr))" },
      }}
    >
      <Panel title={t("size")}>
        <Query of={found} height={260}>
          {(scaling) => <Size scaling={scaling} slots={slots} />}
        </Query>
      </Panel>
      <Panel title={t("decisions")}>
        <Query of={found} height={260}>
          {({ decisions, enabled }) =>
            decisions.length ? (
              <Decisions decisions={decisions} />
            ) : (
              <Empty title={t("noDecisions")}>{enabled ? t("noDecisionsHint") : t("offHint")}</Empty>
            )
          }
        </Query>
      </Panel>
    </Box>
  );
}

function Size({ scaling, slots }: { scaling: Scaling; slots: number | null }) {
  const { t } = useTranslation("fleet");
  const { may } = useSession();
  const limits = limitsOf(scaling.settings);
  const signal = scaling.state ? signalOf(scaling.state) : null;
  return (
    <Box sx={{ display: "grid", gap: 2 }}>
      <Box sx={{ display: "flex", gap: 1, flexWrap: "wrap", alignItems: "center" }}>
        <Typography variant="body2">{t("autoscaler")}</Typography>
        <Chip
          size="small"
          variant="outlined"
          color={scaling.enabled ? "success" : "default"}
          label={scaling.enabled ? t("on") : t("off")}
        />
        {!scaling.enabled && (
          <Typography variant="body2" color="textSecondary">
            {t("offHint")}
          </Typography>
        )}
      </Box>
      {scaling.state && <Typography variant="body2">{scaling.state.reason}</Typography>}
      {signal && (
        <Facts
          columns={4}
          of={[
            [t("wantedNow"), signal.desired],
            [t("thereNow"), signal.workers],
            [t("load"), percent(signal.load)],
            [t("waiting"), signal.queue],
          ]}
        />
      )}
      {may("fleet:steer", null) && (
        <WantedForm
          autoscaled={scaling.enabled}
          limits={limits}
          now={scaling.enabled ? (signal?.desired ?? null) : slots}
        />
      )}
      {scaling.enabled && (
        <Facts
          columns={3}
          of={[
            [t("limits"), `${limits.min} – ${limits.max}`],
            [t("growsOver"), percent(limits.up)],
            [t("shrinksUnder"), percent(limits.down)],
            [t("queueUpTo"), limits.queue],
            [t("coolDown"), duration(limits.coolDown)],
            [t("carriedOutBy"), limits.by],
            [t("schedule"), limits.schedule.join("; ")],
          ]}
        />
      )}
    </Box>
  );
}
