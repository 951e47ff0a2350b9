import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import Stack from "@mui/material/Stack";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Column, DataTable, Empty, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { useWebhooks } from "../queries";
import { AddWebhook } from "./AddWebhook";
import { Webhook } from "./Webhook";

type Hook = Schemas["WebhookRead"];

export default function Webhooks() {
  const { t } = useTranslation("admin");
  const hooks = useWebhooks();
  const [open, setOpen] = useState<string | null>(null);
  const columns: Column<Hook>[] = [
    {
      id: "url",
      label: t("webhooks.url"),
      width: "minmax(200px, 2fr)",
      cell: (hook) => (
        <Button
          variant="text"
          onClick={() => setOpen(hook.webhook_id)}
          aria-expanded={open === hook.webhook_id}
        >
          {hook.description ?? hook.url}
        </Button>
      ),
    },
    { id: "state", label: t("webhooks.state"), width: "130px", cell: (hook) => <HookState of={hook} /> },
    { id: "workspace", label: t("workspace"), wide: true, cell: (hook) => hook.workspace },
    {
      id: "events",
      label: t("webhooks.events"),
      wide: true,
      width: "minmax(200px, 2fr)",
      cell: (hook) => <span title={hook.events.join(", ")}>{hook.events.join(", ")}</span>,
    },
  ];
  const chosen = hooks.data?.find((hook) => hook.webhook_id === open);
  return (
    <Stack sx={{ gap: 2 }}>
      <Panel flush title={t("sections.webhooks")} actions={<AddWebhook />}>
        <Box sx={{ px: 1, pb: 1 }}>
          <Query of={hooks} height={200}>
            {(rows) => (
              <DataTable
                label={t("sections.webhooks")}
                rows={rows}
                columns={columns}
                idOf={(hook) => hook.webhook_id}
                height={400}
                empty={<Empty title={t("webhooks.none")}>{t("webhooks.noneHint")}</Empty>}
              />
            )}
          </Query>
        </Box>
      </Panel>
      {chosen && <Webhook key={chosen.webhook_id} of={chosen} />}
    </Stack>
  );
}

function HookState({ of: hook }: { of: Hook }) {
  const { t } = useTranslation("admin");
  const state = !hook.enabled ? "off" : hook.failing_since ? "failing" : "on";
  const colour = { off: "default", failing: "warning", on: "success" } as const;
  return <Chip size="small" variant="outlined" color={colour[state]} label={t(`webhooks.is.${state}`)} />;
}
