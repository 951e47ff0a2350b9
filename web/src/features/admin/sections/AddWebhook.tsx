import { useTranslation } from "react-i18next";
import { FormDialog, listOf, ShownOnce, textOf, type Values } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { useDo } from "../queries";
import { useChosenWorkspace } from "../WorkspacePick";

export const EVENTS: Schemas["NewWebhook"]["events"] = [
  "job.submitted",
  "job.started",
  "job.requeued",
  "job.paused",
  "job.resumed",
  "job.completed",
  "job.failed",
  "job.cancelled",
  "study.completed",
  "study.failed",
  "study.cancelled",
  "model.registered",
  "model.alias_moved",
  "budget.warned",
  "budget.spent",
  "sla.breached",
  "webhook.disabled",
  "worker.lost",
  "worker.low_disk",
  "worker.quarantined",
];

export function AddWebhook() {
  const { t } = useTranslation("admin");
  const act = useDo();
  const [workspace, names] = useChosenWorkspace("workspace:admin");
  const create = (values: Values) =>
    act(
      got(
        client.POST("/api/v1/webhooks", {
          params: { query: { workspace: textOf(values, "workspace") } },
          body: {
            url: textOf(values, "url"),
            description: textOf(values, "description") || null,
            events: listOf(values, "events") as Schemas["NewWebhook"]["events"],
          },
        }),
      ),
      [["webhooks"]],
    );
  return (
    <FormDialog
      variant="contained"
      initial={{ workspace: workspace ?? "default" }}
      fields={[
        { name: "url", label: t("webhooks.url"), required: true, help: t("webhooks.urlHelp") },
        { name: "description", label: t("webhooks.description") },
        {
          name: "events",
          label: t("webhooks.events"),
          kind: "choices",
          options: EVENTS.map((one) => ({ value: one, label: one })),
        },
        {
          name: "workspace",
          label: t("workspace"),
          kind: "choice",
          options: names.map((one) => ({ value: one, label: one })),
        },
      ]}
      onSubmit={create}
      after={(made) => <ShownOnce text={made.secret} what={t("webhooks.secret")} note={t("webhooks.once")} />}
    >
      {t("webhooks.add")}
    </FormDialog>
  );
}
