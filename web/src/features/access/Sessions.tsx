import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Ago, type Column, ConfirmButton, DataTable, Empty, Panel, Query } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { dateTime } from "@/lib/format";
import { useSessions } from "./queries";
import { clientOf } from "./who";

type Session = Schemas["SessionRead"];

export function Sessions() {
  const { t } = useTranslation("access");
  const queries = useQueryClient();
  const end = async (session: Session) => {
    await got(
      client.DELETE("/api/v1/auth/sessions/{session_id}", {
        params: { path: { session_id: session.session_id } },
      }),
    );
    await queries.invalidateQueries({ queryKey: ["sessions"] });
  };
  const columns: Column<Session>[] = [
    {
      id: "program",
      label: t("sessions.program"),
      width: "minmax(150px, 2fr)",
      cell: (one) => <span title={one.client ?? ""}>{clientOf(one.client)[1] || "–"}</span>,
    },
    { id: "address", label: t("sessions.address"), cell: (one) => clientOf(one.client)[0] || "–" },
    { id: "begun", label: t("sessions.begun"), wide: true, cell: (one) => <Ago at={one.created_at} /> },
    { id: "used", label: t("sessions.used"), wide: true, cell: (one) => <Ago at={one.refreshed_at} /> },
    {
      id: "ends",
      label: t("sessions.ends"),
      wide: true,
      width: "200px",
      cell: (one) => dateTime(one.expires_at),
    },
    {
      id: "act",
      label: t("sessions.act"),
      width: "130px",
      cell: (one) =>
        one.current ? (
          <Chip size="small" color="success" variant="outlined" label={t("sessions.this")} />
        ) : (
          <ConfirmButton
            color="error"
            question={t("sessions.endAsk")}
            explanation={t("sessions.endWhat", { client: clientOf(one.client).join(" ") })}
            onConfirm={() => end(one)}
          >
            {t("sessions.end")}
          </ConfirmButton>
        ),
    },
  ];
  return (
    <Panel flush title={t("sessions.title")}>
      <Box sx={{ px: 1, pb: 1 }}>
        <Query of={useSessions()}>
          {(rows) => (
            <DataTable
              label={t("sessions.title")}
              rows={rows}
              columns={columns}
              idOf={(one) => one.session_id}
              height={400}
              empty={<Empty title={t("sessions.none")} />}
            />
          )}
        </Query>
      </Box>
    </Panel>
  );
}
