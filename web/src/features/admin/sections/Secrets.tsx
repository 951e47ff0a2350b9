import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import {
  Ago,
  type Column,
  ConfirmButton,
  DataTable,
  Empty,
  FormDialog,
  Panel,
  Query,
  textOf,
  useToast,
} from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { mayDo, useSession } from "@/lib/session";
import { useDo, useSecrets } from "../queries";
import { useChosenWorkspace, WorkspacePick } from "../WorkspacePick";

type Secret = Schemas["SecretRead"];

export default function Secrets() {
  const { t } = useTranslation("admin");
  const [workspace, names, choose] = useChosenWorkspace("secrets:read");
  const { caller } = useSession();
  if (workspace === null) return <Empty title={t("workspaces.none")} />;
  return (
    <Stack sx={{ gap: 2 }}>
      <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap", alignItems: "center" }}>
        <WorkspacePick value={workspace} of={names} onChange={choose} />
        {mayDo(caller, "platform:admin", null) && <Rotate />}
      </Stack>
      <Names key={workspace} workspace={workspace} mayWrite={mayDo(caller, "secrets:write", workspace)} />
    </Stack>
  );
}

function Names({ workspace, mayWrite }: { workspace: string; mayWrite: boolean }) {
  const { t } = useTranslation("admin");
  const act = useDo();
  const paramsOf = (name: string) => ({ params: { path: { name }, query: { workspace } } });
  const set = (name: string, value: string) =>
    act(got(client.PUT("/api/v1/secrets/{name}", { ...paramsOf(name), body: { value } })), [
      ["secrets", workspace],
    ]);
  const columns: Column<Secret>[] = [
    { id: "name", label: t("secrets.name"), width: "minmax(140px, 1.5fr)", cell: (one) => one.name },
    { id: "version", label: t("secrets.version"), width: "90px", align: "right", cell: (one) => one.version },
    { id: "updated", label: t("secrets.updated"), wide: true, cell: (one) => <Ago at={one.updated_at} /> },
    { id: "by", label: t("secrets.by"), wide: true, cell: (one) => one.updated_by },
    { id: "used", label: t("secrets.used"), wide: true, cell: (one) => <Ago at={one.last_used_at} /> },
    {
      id: "act",
      label: t("act"),
      width: "120px",
      cell: (one) =>
        mayWrite && (
          <ConfirmButton
            color="error"
            question={t("secrets.deleteAsk", { name: one.name })}
            explanation={t("secrets.deleteWhat")}
            onConfirm={() =>
              act(got(client.DELETE("/api/v1/secrets/{name}", paramsOf(one.name))), [["secrets", workspace]])
            }
          >
            {t("delete")}
          </ConfirmButton>
        ),
    },
  ];
  return (
    <Panel
      flush
      title={t("sections.secrets")}
      actions={
        mayWrite && (
          <FormDialog
            variant="contained"
            fields={[
              { name: "name", label: t("secrets.name"), required: true, help: t("secrets.nameHelp") },
              {
                name: "value",
                label: t("secrets.value"),
                kind: "password",
                required: true,
                autoComplete: "new-password",
                help: t("secrets.valueHelp"),
              },
            ]}
            onSubmit={(values) => set(textOf(values, "name"), String(values.value))}
          >
            {t("secrets.set")}
          </FormDialog>
        )
      }
    >
      <Typography variant="body2" color="textSecondary" sx={{ px: 2, pb: 1 }}>
        {t("secrets.about")}
      </Typography>
      <Box sx={{ px: 1, pb: 1 }}>
        <Query of={useSecrets(workspace)} height={200}>
          {(rows) => (
            <DataTable
              label={t("sections.secrets")}
              rows={rows}
              columns={columns}
              idOf={(one) => one.name}
              height={500}
              empty={<Empty title={t("secrets.none")}>{t("secrets.noneHint")}</Empty>}
            />
          )}
        </Query>
      </Box>
    </Panel>
  );
}

function Rotate() {
  const { t } = useTranslation("admin");
  const toast = useToast();
  const rotate = async () => {
    const found = await got(client.POST("/api/v1/secrets/rotation"));
    const lost = found.unreadable.length;
    toast(
      lost
        ? t("secrets.unreadable", { names: found.unreadable.join(", ") })
        : t("secrets.rotated", { count: found.resealed }),
      lost ? "error" : "success",
    );
  };
  return (
    <ConfirmButton
      variant="outlined"
      question={t("secrets.rotateAsk")}
      explanation={t("secrets.rotateWhat")}
      onConfirm={rotate}
    >
      {t("secrets.rotate")}
    </ConfirmButton>
  );
}
