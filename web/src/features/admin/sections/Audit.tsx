import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { type Column, DataTable, Empty, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { dateTime } from "@/lib/format";
import { mayDo, useSession, useWorkspaceQuery } from "@/lib/session";
import { exportAddress, filterOf } from "../auditFilter";
import { useAudit } from "../queries";
import { AuditEntry } from "./AuditEntry";
import { AuditFilters } from "./AuditFilters";
import { Verify } from "./Verify";

type Entry = Schemas["EntryRead"];

export default function Audit() {
  const { t } = useTranslation("admin");
  const { caller } = useSession();
  const [search] = useSearchParams();
  const where = useWorkspaceQuery();
  const filter = useMemo(() => filterOf(search), [search]);
  const log = useAudit(filter);
  const [open, setOpen] = useState<Entry | null>(null);
  const columns: Column<Entry>[] = [
    { id: "at", label: t("audit.at"), width: "190px", cell: (one) => dateTime(one.at) },
    {
      id: "who",
      label: t("audit.actor"),
      width: "minmax(100px, 1fr)",
      cell: (one) => one.actor_name ?? one.actor_id ?? "–",
    },
    {
      id: "action",
      label: t("audit.action"),
      width: "minmax(170px, 1fr)",
      cell: (one) => (
        <Button
          variant="text"
          onClick={() => setOpen(one)}
          aria-label={t("audit.open", { action: one.action, seq: one.seq })}
        >
          {one.action}
          {one.count > 1 ? ` ×${one.count}` : ""}
        </Button>
      ),
    },
    {
      id: "target",
      label: t("audit.target"),
      wide: true,
      width: "minmax(150px, 2fr)",
      cell: (one) => [one.target_kind, one.target].filter(Boolean).join(" "),
    },
    { id: "workspace", label: t("workspace"), wide: true, cell: (one) => one.workspace ?? "–" },
    { id: "source", label: t("audit.source"), wide: true, cell: (one) => one.source ?? "–" },
    {
      id: "outcome",
      label: t("audit.outcome"),
      wide: true,
      width: "90px",
      align: "right",
      cell: (one) => one.outcome ?? "–",
    },
  ];
  const more = () => {
    if (log.hasNextPage && !log.isFetchingNextPage) void log.fetchNextPage();
  };
  return (
    <Panel
      flush
      title={t("sections.audit")}
      actions={
        <Stack direction="row" sx={{ gap: 1 }}>
          {mayDo(caller, "platform:admin", null) && <Verify />}
          <Button variant="outlined" component="a" href={exportAddress(filter, where)} download="audit.jsonl">
            {t("audit.export")}
          </Button>
        </Stack>
      }
    >
      <AuditFilters />
      <Box sx={{ px: 1, pb: 1 }}>
        <Query of={log} height={500}>
          {(found) => (
            <DataTable
              label={t("sections.audit")}
              rows={found.pages.flatMap(({ items }) => items)}
              columns={columns}
              idOf={(one) => one.id}
              onEnd={more}
              height="calc(100vh - 360px)"
              empty={<Empty title={t("audit.none")}>{t("audit.noneHint")}</Empty>}
            />
          )}
        </Query>
      </Box>
      {open && <AuditEntry of={open} onClose={() => setOpen(null)} />}
    </Panel>
  );
}
