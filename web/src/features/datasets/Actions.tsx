import Button from "@mui/material/Button";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { ConfirmButton } from "@/components";
import { client, got } from "@/lib/api";
import { paths } from "@/lib/paths";
import { useSession } from "@/lib/session";
import { AddDialog } from "./AddDialog";
import type { Dataset } from "./queries";

/** What one may do with a dataset. */
export function Actions({ dataset, version }: { dataset: Dataset; version: number | null }) {
  const { t } = useTranslation("datasets");
  const { may } = useSession();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [adding, setAdding] = useState(false);
  const { name, workspace } = dataset;
  const mayWrite = may("datasets:write", workspace);
  const remove = async () => {
    await got(client.DELETE("/api/v1/datasets/{name}", { params: { path: { name }, query: { workspace } } }));
    void navigate(paths.datasets);
    queries.removeQueries({ queryKey: ["datasets", name, workspace] });
    await queries.invalidateQueries({ queryKey: ["datasets", "list"] });
  };
  const named = version === dataset.latest_version ? name : `${name}@${version}`;
  return (
    <>
      {version !== null && may("jobs:write", workspace) && (
        <Button variant="contained" component={Link} to={paths.newJobOn(named, workspace)}>
          {t("act.train")}
        </Button>
      )}
      {mayWrite && (
        <Button variant="outlined" onClick={() => setAdding(true)}>
          {t("add.version")}
        </Button>
      )}
      {version !== null && (
        <Button variant="outlined" href={paths.datasetFile(name, version, workspace)} download>
          {t("act.download")}
        </Button>
      )}
      {mayWrite && (
        <ConfirmButton
          variant="outlined"
          color="error"
          question={t("act.deleteQuestion", { name })}
          explanation={t("act.deleteDetail")}
          onConfirm={remove}
        >
          {t("act.delete")}
        </ConfirmButton>
      )}
      {adding && <AddDialog to={dataset} onClose={() => setAdding(false)} />}
    </>
  );
}
