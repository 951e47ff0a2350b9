import Box from "@mui/material/Box";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import { useTranslation } from "react-i18next";
import { type Column, ConfirmButton, DataTable, Empty, FormDialog, Panel, Query, textOf } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { useDo, useMembers } from "../queries";
import { useRoles } from "./roles";

type Member = Schemas["MemberRead"];
type Role = Schemas["Role"];

export function Members({ workspace }: { workspace: string }) {
  const { t } = useTranslation("admin");
  const act = useDo();
  const roles = useRoles();
  const keys = [["workspaces", workspace], ["users"]];
  const set = (user: string, role: Role) =>
    act(
      got(
        client.PUT("/api/v1/workspaces/{workspace}/members/{user}", {
          params: { path: { workspace, user } },
          body: { role },
        }),
      ),
      keys,
    );
  const remove = (user: string) =>
    act(
      got(
        client.DELETE("/api/v1/workspaces/{workspace}/members/{user}", {
          params: { path: { workspace, user } },
        }),
      ),
      keys,
    );
  const columns: Column<Member>[] = [
    { id: "user", label: t("users.name"), cell: (one) => one.user },
    {
      id: "role",
      label: t("users.role"),
      width: "170px",
      cell: (one) => <RolePick of={one} options={roles} onChange={(role) => void set(one.user, role)} />,
    },
    { id: "by", label: t("members.by"), wide: true, cell: (one) => t(`members.given.${one.given_by}`) },
    {
      id: "act",
      label: t("act"),
      width: "120px",
      cell: (one) => (
        <ConfirmButton
          color="error"
          question={t("members.removeAsk", { user: one.user, workspace })}
          explanation={t("members.removeWhat")}
          onConfirm={() => remove(one.user)}
        >
          {t("members.remove")}
        </ConfirmButton>
      ),
    },
  ];
  return (
    <Panel
      flush
      title={t("members.title")}
      actions={
        <FormDialog
          fields={[
            { name: "user", label: t("users.name"), required: true },
            { name: "role", label: t("users.role"), kind: "choice", options: roles, required: true },
          ]}
          initial={{ role: "user" }}
          onSubmit={(values) => set(textOf(values, "user"), textOf(values, "role") as Role)}
        >
          {t("members.add")}
        </FormDialog>
      }
    >
      <Box sx={{ px: 1, pb: 1 }}>
        <Query of={useMembers(workspace)} height={200}>
          {(rows) => (
            <DataTable
              label={t("members.title")}
              rows={rows}
              columns={columns}
              idOf={(one) => one.user}
              height={420}
              empty={<Empty title={t("members.none")}>{t("members.noneHint")}</Empty>}
            />
          )}
        </Query>
      </Box>
    </Panel>
  );
}

interface PickProps {
  of: Member;
  options: { value: string; label: string }[];
  onChange: (role: Role) => void;
}

function RolePick({ of: member, options, onChange }: PickProps) {
  const { t } = useTranslation("admin");
  return (
    <TextField
      select
      fullWidth
      variant="standard"
      value={member.role}
      onChange={(event) => onChange(event.target.value as Role)}
      slotProps={{
        select: { SelectDisplayProps: { "aria-label": t("members.roleOf", { user: member.user }) } },
      }}
    >
      {options.map((one) => (
        <MenuItem key={one.value} value={one.value}>
          {one.label}
        </MenuItem>
      ))}
    </TextField>
  );
}
