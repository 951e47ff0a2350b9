import Chip from "@mui/material/Chip";
import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Button from "@mui/material/Button";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago, type Column, DataTable, Empty, Panel, Query } from "@/components";
import type { Schemas } from "@/lib/api";
import { useUsers } from "../queries";
import { AddUser } from "./AddUser";
import { UserDialog } from "./UserDialog";

type User = Schemas["UserRead"];

export default function Users() {
  const { t } = useTranslation("admin");
  const users = useUsers();
  const [open, setOpen] = useState<string | null>(null);
  const columns: Column<User>[] = [
    {
      id: "name",
      label: t("users.name"),
      width: "minmax(150px, 1.5fr)",
      cell: (user) => (
        <Button
          variant="text"
          onClick={() => setOpen(user.name)}
          aria-label={t("users.open", { name: user.name })}
        >
          {user.name}
        </Button>
      ),
    },
    {
      id: "role",
      label: t("users.role"),
      cell: (user) => (user.role ? t(`roles.${user.role}`) : t("users.noRole")),
    },
    {
      id: "marks",
      label: t("users.marks"),
      width: "minmax(160px, 1.5fr)",
      cell: (user) => <Marks of={user} />,
    },
    { id: "email", label: t("users.email"), wide: true, cell: (user) => user.email ?? "–" },
    { id: "login", label: t("users.login"), wide: true, cell: (user) => <Ago at={user.last_login_at} /> },
    { id: "created", label: t("users.created"), wide: true, cell: (user) => <Ago at={user.created_at} /> },
  ];
  return (
    <Panel flush title={t("sections.users")} actions={<AddUser />}>
      <Box sx={{ px: 1, pb: 1 }}>
        <Query of={users} height={400}>
          {(rows) => (
            <DataTable
              label={t("sections.users")}
              rows={rows}
              columns={columns}
              idOf={(user) => user.user_id}
              empty={<Empty title={t("users.none")}>{t("users.noneHint")}</Empty>}
            />
          )}
        </Query>
      </Box>
      {open !== null && <UserDialog name={open} onClose={() => setOpen(null)} />}
    </Panel>
  );
}

function Marks({ of: user }: { of: User }) {
  const { t } = useTranslation("admin");
  const marks = [
    user.disabled && "closed",
    user.service && "service",
    user.has_code && "code",
    user.role_given_by === "provider" && "provider",
  ].filter((one) => one !== false);
  return (
    <Stack direction="row" sx={{ gap: 0.5 }}>
      {marks.map((one) => (
        <Chip
          key={one}
          size="small"
          variant="outlined"
          color={one === "closed" ? "warning" : "default"}
          label={t(`users.mark.${one}`)}
        />
      ))}
    </Stack>
  );
}
