import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import Stack from "@mui/material/Stack";
import { useTranslation } from "react-i18next";
import { useState } from "react";
import {
  Ago,
  type Column,
  ConfirmButton,
  DataTable,
  Empty,
  Facts,
  FormDialog,
  Panel,
  Query,
  ShownOnce,
  useToast,
} from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { useDeliveries, useDo } from "../queries";

type Delivery = Schemas["DeliveryRead"];

/** One webhook: what it is, what was sent, and what one can do about it. */
export function Webhook({ of: hook }: { of: Schemas["WebhookRead"] }) {
  const { t } = useTranslation("admin");
  return (
    <Panel title={hook.description ?? hook.url} actions={<Acts of={hook} />}>
      <Stack sx={{ gap: 2 }}>
        {hook.disabled_why && <Alert severity="warning">{hook.disabled_why}</Alert>}
        <Facts
          columns={2}
          of={[
            [t("webhooks.url"), hook.url],
            [t("webhooks.events"), hook.events.join(", ")],
            [t("workspace"), hook.workspace],
            [t("webhooks.failing"), hook.failing_since && <Ago key="since" at={hook.failing_since} />],
            [t("webhooks.oldSecret"), hook.old_secret_until && <Ago key="old" at={hook.old_secret_until} />],
          ]}
        />
        <Deliveries id={hook.webhook_id} />
      </Stack>
    </Panel>
  );
}

function Acts({ of: hook }: { of: Schemas["WebhookRead"] }) {
  const { t } = useTranslation("admin");
  const act = useDo();
  const toast = useToast();
  const [busy, setBusy] = useState(false);
  const params = { path: { webhook_id: hook.webhook_id } };
  const test = async () => {
    setBusy(true);
    try {
      const tried = await got(client.POST("/api/v1/webhooks/{webhook_id}/test", { params }));
      const why = tried.error ?? (tried.status === null ? "" : `HTTP ${tried.status}`);
      toast(
        tried.delivered ? t("webhooks.arrived") : t("webhooks.lost", { why }),
        tried.delivered ? "success" : "error",
      );
    } catch (error) {
      toast(String(error), "error");
    } finally {
      setBusy(false);
    }
  };
  return (
    <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap" }}>
      <Button variant="outlined" loading={busy} onClick={() => void test()}>
        {t("webhooks.test")}
      </Button>
      <ConfirmButton
        variant="outlined"
        question={t(hook.enabled ? "webhooks.disableAsk" : "webhooks.enableAsk")}
        explanation={t(hook.enabled ? "webhooks.disableWhat" : "webhooks.enableWhat")}
        onConfirm={() =>
          act(
            got(client.PATCH("/api/v1/webhooks/{webhook_id}", { params, body: { enabled: !hook.enabled } })),
            [["webhooks"]],
          )
        }
      >
        {t(hook.enabled ? "webhooks.disable" : "webhooks.enable")}
      </ConfirmButton>
      <FormDialog
        intro={t("webhooks.rotateWhat")}
        fields={[]}
        onSubmit={() =>
          act(
            got(client.POST("/api/v1/webhooks/{webhook_id}/rotate", { params, body: { overlap_s: 86_400 } })),
            [["webhooks"]],
          )
        }
        after={(made) => (
          <ShownOnce text={made.secret} what={t("webhooks.secret")} note={t("webhooks.once")} />
        )}
      >
        {t("webhooks.rotate")}
      </FormDialog>
      <ConfirmButton
        color="error"
        variant="outlined"
        question={t("webhooks.deleteAsk")}
        explanation={t("webhooks.deleteWhat")}
        onConfirm={() => act(got(client.DELETE("/api/v1/webhooks/{webhook_id}", { params })), [["webhooks"]])}
      >
        {t("delete")}
      </ConfirmButton>
    </Stack>
  );
}

const COLOURS: Record<string, "success" | "error"> = { delivered: "success", dead: "error" };

function Deliveries({ id }: { id: string }) {
  const { t } = useTranslation("admin");
  const act = useDo();
  const resend = (delivery: Delivery) =>
    act(
      got(
        client.POST("/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend", {
          params: { path: { webhook_id: id, delivery_id: delivery.delivery_id } },
        }),
      ),
      [["webhooks", id]],
    );
  const columns: Column<Delivery>[] = [
    { id: "type", label: t("deliveries.type"), width: "minmax(150px, 1fr)", cell: (one) => one.type },
    {
      id: "state",
      label: t("deliveries.state"),
      width: "140px",
      cell: (one) => (
        <Chip
          size="small"
          variant="outlined"
          color={COLOURS[one.state] ?? "default"}
          label={t(`deliveries.is.${one.state}`, { defaultValue: one.state })}
        />
      ),
    },
    { id: "at", label: t("deliveries.at"), wide: true, cell: (one) => <Ago at={one.queued_at} /> },
    {
      id: "attempts",
      label: t("deliveries.attempts"),
      wide: true,
      align: "right",
      width: "90px",
      cell: (one) => one.attempts,
    },
    {
      id: "answer",
      label: t("deliveries.answer"),
      wide: true,
      width: "minmax(120px, 2fr)",
      cell: (one) => (
        <span title={one.error ?? ""}>{one.error ?? (one.status === null ? "–" : `HTTP ${one.status}`)}</span>
      ),
    },
    {
      id: "act",
      label: t("act"),
      width: "130px",
      cell: (one) => (
        <ConfirmButton
          question={t("deliveries.resendAsk", { type: one.type })}
          explanation={t("deliveries.resendWhat")}
          onConfirm={() => resend(one)}
        >
          {t("deliveries.resend")}
        </ConfirmButton>
      ),
    },
  ];
  return (
    <Query of={useDeliveries(id)} height={200}>
      {(rows) => (
        <DataTable
          label={t("deliveries.title")}
          rows={rows}
          columns={columns}
          idOf={(one) => one.delivery_id}
          height={400}
          empty={<Empty title={t("deliveries.none")}>{t("deliveries.noneHint")}</Empty>}
        />
      )}
    </Query>
  );
}
