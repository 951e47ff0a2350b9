import { useTranslation } from "react-i18next";
import { Lineage, Panel, Query } from "@/components";
import { useModelLineage, type Version } from "./queries";

export function LineageView({ version }: { version: Version }) {
  const { t } = useTranslation("registry");
  const lineage = useModelLineage(version.name, version.version, version.workspace);
  return (
    <Panel title={t("view.lineage")}>
      <Query of={lineage} height={480}>
        {(found) => (
          <Lineage of={found} here={`model:${version.workspace}/${version.name}@${version.version}`} />
        )}
      </Query>
    </Panel>
  );
}
