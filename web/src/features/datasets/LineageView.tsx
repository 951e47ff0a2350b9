import { useTranslation } from "react-i18next";
import { Lineage, Panel, Query } from "@/components";
import { useDatasetLineage, type Version } from "./queries";

export function LineageView({ version, workspace }: { version: Version; workspace: string }) {
  const { t } = useTranslation("datasets");
  const lineage = useDatasetLineage(version.name, version.version, workspace);
  return (
    <Panel title={t("view.lineage")}>
      <Query of={lineage} height={480}>
        {(found) => <Lineage of={found} here={`dataset:${workspace}/${version.name}@${version.version}`} />}
      </Query>
    </Panel>
  );
}
