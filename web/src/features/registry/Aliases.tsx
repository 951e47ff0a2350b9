import Button from "@mui/material/Button";
import List from "@mui/material/List";
import ListItem from "@mui/material/ListItem";
import Stack from "@mui/material/Stack";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmButton, ErrorNote, LinkCell, Panel, useToast } from "@/components";
import { client, got } from "@/lib/api";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import type { Model, Version } from "./queries";

const tagOf = (version: number) => `"version-${version}"`;

/** Aliases of the model: changed only if they still point where this page shows it. */
export function Aliases({ model, version }: { model: Model; version: Version }) {
  const { t } = useTranslation("registry");
  const { may } = useSession();
  const { put, remove } = useAliases(model);
  const [typed, setTyped] = useState("");
  const mayWrite = may("models:write", model.workspace);
  const aliases = Object.entries(model.aliases).sort(([a], [b]) => a.localeCompare(b));
  const add = (event: FormEvent) => {
    event.preventDefault();
    const alias = typed.trim();
    if (alias) put.mutate({ alias, version: version.version }, { onSuccess: () => setTyped("") });
  };
  return (
    <Panel title={t("aliases")}>
      {aliases.length === 0 && <Typography variant="body2">{t("alias.none")}</Typography>}
      <List dense disablePadding>
        {aliases.map(([alias, at]) => (
          <ListItem key={alias} disableGutters sx={{ gap: 1, flexWrap: "wrap" }}>
            <Typography component="span" variant="body2" sx={{ flex: 1, minWidth: 140 }}>
              <strong>{alias}</strong>{" "}
              <LinkCell to={paths.model(model.name, at, model.workspace)}>
                {t("alias.at", { version: at })}
              </LinkCell>
            </Typography>
            {mayWrite && at !== version.version && (
              <Button
                variant="outlined"
                aria-label={t("alias.moveOne", { alias, version: version.version })}
                onClick={() => put.mutate({ alias, version: version.version })}
              >
                {t("alias.move", { version: version.version })}
              </Button>
            )}
            {mayWrite && (
              <ConfirmButton
                color="error"
                aria-label={t("alias.removeOne", { alias })}
                confirm={t("alias.remove")}
                question={t("alias.removeQuestion", { alias })}
                explanation={t("alias.removeDetail")}
                onConfirm={() => remove(alias)}
              >
                {t("alias.remove")}
              </ConfirmButton>
            )}
          </ListItem>
        ))}
      </List>
      {mayWrite && (
        <Stack
          component="form"
          direction="row"
          onSubmit={add}
          useFlexGap
          sx={{ mt: 1, gap: 1, flexWrap: "wrap" }}
        >
          <TextField
            label={t("alias.new")}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            slotProps={{ htmlInput: { maxLength: 100 } }}
          />
          <Button type="submit" variant="outlined" disabled={!typed.trim()} loading={put.isPending}>
            {t("alias.put", { version: version.version })}
          </Button>
        </Stack>
      )}
      {put.error && <ErrorNote error={put.error} />}
    </Panel>
  );
}

function useAliases(model: Model) {
  const { t } = useTranslation("registry");
  const toast = useToast();
  const queries = useQueryClient();
  const query = { workspace: model.workspace };
  const again = () => queries.invalidateQueries({ queryKey: ["models"] });
  const put = useMutation({
    mutationFn: ({ alias, version }: { alias: string; version: number }) => {
      const was = model.aliases[alias];
      const header = was === undefined ? { "if-none-match": "*" as const } : { "if-match": tagOf(was) };
      const params = { path: { name: model.name, alias }, query, header };
      return got(client.PUT("/api/v1/models/{name}/aliases/{alias}", { params, body: { version } }));
    },
    onSuccess: (_, { alias, version }) => {
      const from = model.aliases[alias];
      toast(
        from === undefined
          ? t("alias.isPut", { alias, version })
          : t("alias.moved", { alias, from, version }),
        "success",
      );
    },
    // Also when it was refused: it points elsewhere by now.
    onSettled: again,
  });
  const remove = async (alias: string) => {
    const header = { "if-match": tagOf(model.aliases[alias] ?? 0) };
    const params = { path: { name: model.name, alias }, query, header };
    try {
      await got(client.DELETE("/api/v1/models/{name}/aliases/{alias}", { params }));
      toast(t("alias.removed", { alias }), "success");
    } finally {
      await again();
    }
  };
  return { put, remove };
}
