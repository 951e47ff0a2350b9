/** API keys of somebody: shown to oneself in the own settings, and to administrators for everybody. */
import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import Typography from "@mui/material/Typography";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { client, got, type Schemas } from "@/lib/api";
import { dateTime } from "@/lib/format";
import { Ago } from "./Ago";
import { ConfirmButton } from "./ConfirmButton";
import { Empty } from "./Empty";
import { FormDialog } from "./form/FormDialog";
import { listOf, textOf, type Values } from "./form/fields";
import { ShownOnce } from "./form/ShownOnce";
import { Panel } from "./Panel";
import { Query } from "./Query";
import { type Column, DataTable } from "./table/DataTable";

type Key = Schemas["KeyRead"];
type Permission = Schemas["Permission"];

interface Props {
  /** Whose; the caller's own if left out. */
  user?: string;
  /** What the keys may be narrowed to. */
  scopes: Permission[];
  workspaces: string[];
}

export function KeysPanel({ user, scopes, workspaces }: Props) {
  const { t } = useTranslation("components");
  const queries = useQueryClient();
  const keys = useQuery({
    queryKey: ["keys", user ?? ""],
    queryFn: ({ signal }) =>
      got(client.GET("/api/v1/keys", { params: { query: user ? { user } : {} }, signal })),
  });
  const changed = () => queries.invalidateQueries({ queryKey: ["keys"] });
  const revoke = async (key: Key) => {
    await got(client.DELETE("/api/v1/keys/{key_id}", { params: { path: { key_id: key.key_id } } }));
    await changed();
  };
  const create = async (values: Values) => {
    const made = await got(client.POST("/api/v1/keys", { body: bodyOf(values, user) }));
    await changed();
    return made;
  };
  const scopesOf = (key: Key) =>
    key.scopes.length >= scopes.length && scopes.every((one) => key.scopes.includes(one))
      ? t("keys.all")
      : key.scopes.join(", ");
  const columns: Column<Key>[] = [
    { id: "name", label: t("keys.name"), cell: (key) => key.name, width: "minmax(120px, 1fr)" },
    {
      id: "state",
      label: t("keys.state"),
      width: "110px",
      cell: (key) => (
        <Chip
          size="small"
          variant="outlined"
          color={key.valid ? "success" : "default"}
          label={t(key.valid ? "keys.valid" : key.revoked_at ? "keys.revoked" : "keys.expired")}
        />
      ),
    },
    {
      id: "scopes",
      label: t("keys.scopes"),
      width: "minmax(140px, 2fr)",
      cell: (key) => <span title={key.scopes.join(", ")}>{scopesOf(key)}</span>,
    },
    {
      id: "workspace",
      label: t("keys.workspace"),
      wide: true,
      cell: (key) => key.workspace ?? t("keys.any"),
    },
    { id: "used", label: t("keys.used"), wide: true, cell: (key) => <Ago at={key.last_used_at} /> },
    { id: "expires", label: t("keys.expires"), wide: true, cell: (key) => dateTime(key.expires_at) },
    {
      id: "act",
      label: t("keys.act"),
      width: "110px",
      cell: (key) =>
        key.valid && (
          <ConfirmButton
            color="error"
            question={t("keys.revokeAsk", { name: key.name })}
            explanation={t("keys.revokeWhat")}
            onConfirm={() => revoke(key)}
          >
            {t("keys.revoke")}
          </ConfirmButton>
        ),
    },
  ];
  return (
    <Panel
      flush
      title={user ? t("keys.titleOf", { user }) : t("keys.title")}
      actions={<NewKey scopes={scopes} workspaces={workspaces} onCreate={create} />}
    >
      <Typography variant="body2" color="textSecondary" sx={{ px: 2, pb: 1 }}>
        {t("keys.about")}
      </Typography>
      <Box sx={{ px: 1, pb: 1 }}>
        <Query of={keys}>
          {({ items }) => (
            <DataTable
              label={t("keys.title")}
              rows={items}
              columns={columns}
              idOf={(key) => key.key_id}
              height={400}
              empty={<Empty title={t("keys.none")}>{t("keys.noneHint")}</Empty>}
            />
          )}
        </Query>
      </Box>
    </Panel>
  );
}

function NewKey({
  scopes,
  workspaces,
  onCreate,
}: Pick<Props, "scopes" | "workspaces"> & {
  onCreate: (values: Values) => Promise<Schemas["KeyCreated"]>;
}) {
  const { t } = useTranslation("components");
  return (
    <FormDialog
      variant="contained"
      fields={[
        { name: "name", label: t("keys.name"), required: true, help: t("keys.nameHelp") },
        {
          name: "scopes",
          label: t("keys.scopes"),
          kind: "choices",
          options: scopes.map((one) => ({ value: one, label: one })),
          help: t("keys.scopesHelp"),
        },
        {
          name: "workspace",
          label: t("keys.workspace"),
          kind: "choice",
          options: [
            { value: "", label: t("keys.any") },
            ...workspaces.map((one) => ({ value: one, label: one })),
          ],
        },
        { name: "expires_at", label: t("keys.expires"), kind: "date", help: t("keys.expiresHelp") },
      ]}
      onSubmit={onCreate}
      after={(made) => <ShownOnce text={made.key} what={t("keys.one")} note={t("keys.once")} />}
    >
      {t("keys.create")}
    </FormDialog>
  );
}

export function bodyOf(values: Values, user: string | undefined): Schemas["NewKey"] {
  const ends = textOf(values, "expires_at");
  return {
    name: textOf(values, "name"),
    scopes: listOf(values, "scopes") as Permission[],
    workspace: textOf(values, "workspace") || null,
    expires_at: ends ? new Date(ends).toISOString() : null,
    ...(user ? { user } : {}),
  };
}
