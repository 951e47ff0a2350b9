import Button from "@mui/material/Button";
import { useTranslation } from "react-i18next";
import { ConfirmButton, useToast } from "@/components";
import { useSession } from "@/lib/session";
import { MoreTrials } from "./MoreTrials";
import { type Steering, useRetry, useSteering } from "./queries";
import { hasEnded, type Study } from "./values";

/** What may be done with it now, by whom may. */
export function StudyActions({ study }: { study: Study }) {
  const { t } = useTranslation("studies");
  const { may } = useSession();
  const steering = useSteering(study.study_id);
  const toast = useToast();
  if (!may("jobs:write", study.workspace)) return null;
  const steer = (what: Steering) =>
    steering.mutate(what, { onError: (error) => toast(error.message, "error") });
  if (hasEnded(study)) return <AfterTheEnd study={study} />;
  return (
    <>
      {study.status === "paused" ? (
        <Button variant="contained" loading={steering.isPending} onClick={() => steer("resume")}>
          {t("resume")}
        </Button>
      ) : (
        <Button variant="outlined" loading={steering.isPending} onClick={() => steer("pause")}>
          {t("pause")}
        </Button>
      )}
      <ConfirmButton
        variant="outlined"
        color="error"
        question={t("cancelQuestion", { name: study.name })}
        explanation={t("cancelExplanation")}
        confirm={t("cancelConfirm")}
        onConfirm={() => steering.mutateAsync("cancel")}
      >
        {t("cancel")}
      </ConfirmButton>
    </>
  );
}

function AfterTheEnd({ study }: { study: Study }) {
  const { t } = useTranslation("studies");
  const retry = useRetry(study.study_id);
  const lost = (study.counts.failed ?? 0) + (study.counts.cancelled ?? 0);
  return (
    <>
      {lost > 0 && (
        <ConfirmButton
          variant="outlined"
          question={t("retryQuestion", { count: lost })}
          explanation={t("retryExplanation")}
          onConfirm={() => retry.mutateAsync(null)}
        >
          {t("retry")}
        </ConfirmButton>
      )}
      {study.population === null && <MoreTrials study={study} />}
    </>
  );
}
