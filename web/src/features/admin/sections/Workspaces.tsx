import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import { useTranslation } from "react-i18next";
import { ConfirmButton, Empty, FormDialog, textOf } from "@/components";
import { client, got } from "@/lib/api";
import { mayDo, useSession } from "@/lib/session";
import { useDo } from "../queries";
import { useChosenWorkspace, WorkspacePick } from "../WorkspacePick";
import { Members } from "./Members";
import { QuotaPanel } from "./Quota";

export default function Workspaces() {
  const { t } = useTranslation("admin");
  const { caller } = useSession();
  const [workspace, names, choose] = useChosenWorkspace("workspace:admin");
  const owner = mayDo(caller, "platform:admin", null);
  if (workspace === null) return <Empty title={t("workspaces.none")} />;
  return (
    <Stack sx={{ gap: 2 }}>
      <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap", alignItems: "center" }}>
        <WorkspacePick value={workspace} of={names} onChange={choose} />
        {owner && <Add onAdded={choose} />}
        {owner && workspace !== "default" && <Remove name={workspace} />}
      </Stack>
      <Box
        sx={{
          display: "grid",
          gap: 2,
          gridTemplateColumns: { xs: "minmax(0, 1fr)", lg: "repeat(2, minmax(0, 1fr))" },
        }}
      >
        {workspace !== "default" && <Members key={`m-${workspace}`} workspace={workspace} />}
        <QuotaPanel key={`q-${workspace}`} workspace={workspace} mayChange={owner} />
      </Box>
    </Stack>
  );
}

function Add({ onAdded }: { onAdded: (name: string) => void }) {
  const { t } = useTranslation("admin");
  const act = useDo();
  return (
    <FormDialog
      variant="contained"
      fields={[
        { name: "name", label: t("workspaces.name"), required: true },
        { name: "description", label: t("workspaces.description") },
      ]}
      onSubmit={async (values) => {
        const body = { name: textOf(values, "name"), description: textOf(values, "description") || null };
        await act(got(client.POST("/api/v1/workspaces", { body })), [["workspaces"]]);
        onAdded(body.name);
      }}
    >
      {t("workspaces.add")}
    </FormDialog>
  );
}

function Remove({ name }: { name: string }) {
  const { t } = useTranslation("admin");
  const act = useDo();
  return (
    <ConfirmButton
      color="error"
      variant="outlined"
      question={t("workspaces.deleteAsk", { name })}
      explanation={t("workspaces.deleteWhat")}
      onConfirm={() =>
        act(got(client.DELETE("/api/v1/workspaces/{workspace}", { params: { path: { workspace: name } } })), [
          ["workspaces"],
        ])
      }
    >
      {t("workspaces.delete")}
    </ConfirmButton>
  );
}
