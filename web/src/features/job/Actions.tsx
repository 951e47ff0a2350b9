import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { ConfirmButton, useToast } from "@/components";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { ForkDialog } from "./ForkDialog";
import { ENDED, type Intent, type Job, remove, replay, useIntent } from "./queries";

/** What may be done with the job as it is now; what one may not do is not offered. */
export function Actions({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const mayWrite = useSession().may("jobs:write", job.workspace);
  return (
    <>
      {mayWrite && <Steering job={job} />}
      {mayWrite && job.kind !== "tune" && <Again job={job} />}
      <Button component={Link} to={paths.compare([job.job_id])}>
        {t("actions.compare")}
      </Button>
      {mayWrite && ENDED.has(job.status) && <Delete job={job} />}
    </>
  );
}

function Steering({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const toast = useToast();
  const intent = useIntent(job.job_id);
  const run = (what: Intent) =>
    intent.mutate(what, {
      onSuccess: () => toast(t(`actions.asked.${what}`), "success"),
      onError: (error) => toast(error.message, "error"),
    });
  const button = (what: Intent) => (
    <Button
      key={what}
      variant="outlined"
      loading={intent.isPending && intent.variables === what}
      onClick={() => run(what)}
    >
      {t(`actions.${what}`)}
    </Button>
  );
  const goesOn = !ENDED.has(job.status) && !job.cancel_requested;
  return (
    <>
      {goesOn && (job.status === "paused" ? button("resume") : button("pause"))}
      {goesOn && (
        <ConfirmButton
          variant="outlined"
          color="error"
          question={t("actions.cancelQuestion", { name: job.name })}
          explanation={t("actions.cancelWhat")}
          confirm={t("actions.cancelYes")}
          onConfirm={() => intent.mutateAsync("cancel")}
        >
          {t("actions.cancel")}
        </ConfirmButton>
      )}
      {(job.status === "failed" || job.status === "cancelled") && button("retry")}
    </>
  );
}

function Again({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const toast = useToast();
  const navigate = useNavigate();
  const [forking, setForking] = useState(false);
  const [busy, setBusy] = useState(false);
  const again = async () => {
    setBusy(true);
    try {
      await navigate(paths.job((await replay(job.job_id)).job_id));
    } catch (error) {
      toast((error as Error).message, "error");
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button onClick={() => setForking(true)}>{t("actions.fork")}</Button>
      {forking && <ForkDialog job={job} onClose={() => setForking(false)} />}
      {ENDED.has(job.status) && (
        <Button loading={busy} onClick={() => void again()}>
          {t("actions.replay")}
        </Button>
      )}
      <Button component={Link} to={`${paths.newJob}?from=${encodeURIComponent(job.job_id)}`}>
        {t("actions.edit")}
      </Button>
    </>
  );
}

function Delete({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const navigate = useNavigate();
  const queries = useQueryClient();
  const gone = async () => {
    await remove(job.job_id);
    await navigate(paths.jobs);
    queries.removeQueries({ queryKey: ["jobs", job.job_id] });
    await queries.invalidateQueries({ queryKey: ["jobs", "list"] });
  };
  return (
    <ConfirmButton
      color="error"
      question={t("actions.deleteQuestion", { name: job.name })}
      explanation={t("actions.deleteWhat")}
      onConfirm={gone}
    >
      {t("actions.delete")}
    </ConfirmButton>
  );
}
