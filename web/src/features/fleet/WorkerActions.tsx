import Button from "@mui/material/Button";
import { useTranslation } from "react-i18next";
import { ConfirmButton, useToast } from "@/components";
import { useSession } from "@/lib/session";
import { QuarantineButton } from "./QuarantineButton";
import { useSteering } from "./queries";
import type { Worker } from "./worker";

/** What may be done with a worker now, by whom may. */
export function WorkerActions({ worker }: { worker: Worker }) {
  const { t } = useTranslation("fleet");
  const { may } = useSession();
  const steering = useSteering(worker.worker_id);
  const toast = useToast();
  if (!may("fleet:steer", null) || worker.state === "lost") return null;
  const steer = (what: "undrain" | "check", said: string) =>
    steering.mutate(
      { what },
      { onSuccess: () => toast(said, "success"), onError: (error) => toast(error.message, "error") },
    );
  return (
    <>
      <Button variant="outlined" loading={steering.isPending} onClick={() => steer("check", t("checkAsked"))}>
        {t("check")}
      </Button>
      {worker.state === "draining" ? (
        <Button variant="outlined" onClick={() => steer("undrain", t("undrained"))}>
          {t("undrain")}
        </Button>
      ) : (
        <ConfirmButton
          variant="outlined"
          question={t("drainQuestion", { name: worker.name })}
          explanation={t("drainExplanation")}
          onConfirm={() => steering.mutateAsync({ what: "drain" })}
        >
          {t("drain")}
        </ConfirmButton>
      )}
      {worker.state === "quarantined" ? (
        <ConfirmButton
          variant="outlined"
          question={t("releaseQuestion", { name: worker.name })}
          explanation={t("releaseExplanation")}
          onConfirm={() => steering.mutateAsync({ what: "release" })}
        >
          {t("release")}
        </ConfirmButton>
      ) : (
        <QuarantineButton worker={worker} />
      )}
    </>
  );
}
