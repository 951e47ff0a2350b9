import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { client, got, type Schemas } from "@/lib/api";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { forgetDraft, keepDraft, newKey, readDraft } from "../draft";
import type { Job } from "../spec/spec";

/** Sends the job. The same text goes under the same key: pressed twice, or after a lost answer, it is one job. */
export function useSubmit(text: string, job: Job) {
  const { caller } = useSession();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [sent, setSent] = useState<string | null>(null);
  const submission = useMutation({
    mutationFn: () => {
      const draft = readDraft(caller.username);
      const key = (draft?.text === text && draft.key) || newKey();
      keepDraft(caller.username, { text, key });
      setSent(text);
      const body = job as unknown as Schemas["JobSpec"];
      return got(client.POST("/api/v1/jobs", { body, params: { header: { "idempotency-key": key } } }));
    },
    onSuccess: async (made) => {
      forgetDraft(caller.username);
      await queries.invalidateQueries({ queryKey: ["jobs"] });
      await navigate(made.kind === "tune" ? paths.study(made.job_id) : paths.job(made.job_id));
    },
  });
  return {
    submit: () => !submission.isPending && submission.mutate(),
    busy: submission.isPending,
    /** Of the job as it stands: what has been changed since may be right. */
    error: sent === text ? submission.error : null,
  };
}
