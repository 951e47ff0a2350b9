import Box from "@mui/material/Box";
import LinearProgress from "@mui/material/LinearProgress";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { ConfirmButton, FormDialog, Panel, Query } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { bytes, number } from "@/lib/format";
import { useDo, useQuota } from "../queries";
import { bodyOf, fullness, isBytes, type Limit, LIMITS, valuesOf } from "../quota";

export function QuotaPanel({ workspace, mayChange }: { workspace: string; mayChange: boolean }) {
  const { t } = useTranslation("admin");
  const quota = useQuota(workspace);
  return (
    <Panel
      title={t("quota.title")}
      actions={mayChange && quota.data && <Change workspace={workspace} limits={quota.data.limits} />}
    >
      <Query of={quota} height={320}>
        {(found) => (
          <Stack sx={{ gap: 1.5 }}>
            <Typography variant="body2" color="textSecondary">
              {t(`quota.source.${found.source}`, { defaultValue: found.source })}{" "}
              {t("quota.weight", { weight: number(found.limits.weight) })}
            </Typography>
            {LIMITS.map((name) => (
              <Bar key={name} name={name} used={found.used[name]} limit={found.limits[name]} />
            ))}
          </Stack>
        )}
      </Query>
    </Panel>
  );
}

function Bar({ name, used, limit }: { name: Limit; used: number; limit: number | null }) {
  const { t } = useTranslation("admin");
  const shown = (value: number) => (isBytes(name) ? bytes(value) : number(value));
  const share = fullness(used, limit);
  const said =
    limit === null
      ? t("quota.unlimited", { used: shown(used) })
      : t("quota.of", { used: shown(used), limit: shown(limit) });
  return (
    <Box>
      <Stack direction="row" sx={{ justifyContent: "space-between", gap: 1 }}>
        <Typography variant="body2">{t(`quota.limit.${name}`)}</Typography>
        <Typography variant="body2" color="textSecondary">
          {said}
        </Typography>
      </Stack>
      {share !== null && (
        <LinearProgress
          variant="determinate"
          value={share * 100}
          color={share >= 1 ? "error" : share >= 0.8 ? "warning" : "primary"}
          aria-label={t(`quota.limit.${name}`)}
          aria-valuetext={said}
          sx={{ height: 6, borderRadius: 1 }}
        />
      )}
    </Box>
  );
}

function Change({ workspace, limits }: { workspace: string; limits: Schemas["LimitsRead"] }) {
  const { t } = useTranslation("admin");
  const act = useDo();
  const params = { path: { workspace } };
  const keys = [["workspaces", workspace]];
  return (
    <Stack direction="row" sx={{ gap: 1 }}>
      <FormDialog
        intro={t("quota.intro")}
        initial={valuesOf(limits)}
        submit={t("save")}
        fields={[
          ...LIMITS.map((name) => ({
            name,
            label: t(`quota.limit.${name}`),
            kind: isBytes(name) ? ("text" as const) : ("number" as const),
            ...(isBytes(name) ? { help: t("quota.bytesHelp") } : {}),
          })),
          {
            name: "weight",
            label: t("quota.weightLabel"),
            kind: "number" as const,
            help: t("quota.weightHelp"),
          },
        ]}
        onSubmit={(values) =>
          act(got(client.PUT("/api/v1/workspaces/{workspace}/quota", { params, body: bodyOf(values) })), keys)
        }
      >
        {t("quota.change")}
      </FormDialog>
      <ConfirmButton
        question={t("quota.resetAsk", { workspace })}
        explanation={t("quota.resetWhat")}
        onConfirm={() => act(got(client.DELETE("/api/v1/workspaces/{workspace}/quota", { params })), keys)}
      >
        {t("quota.reset")}
      </ConfirmButton>
    </Stack>
  );
}
