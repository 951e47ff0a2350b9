import { useTranslation } from "react-i18next";
import { type Column, DataTable, Empty, Panel } from "@/components";
import type { Field } from "./describe";

type Line = Field & { side: "inputs" | "outputs" };

/** What it takes and gives. */
export function SignaturePanel({ inputs, outputs }: { inputs: Field[]; outputs: Field[] }) {
  const { t } = useTranslation("registry");
  const rows: Line[] = [
    ...outputs.map((one): Line => ({ ...one, side: "outputs" })),
    ...inputs.map((one): Line => ({ ...one, side: "inputs" })),
  ];
  const columns: Column<Line>[] = [
    { id: "side", label: t("signature.side"), width: "90px", cell: (one) => t(`signature.${one.side}`) },
    { id: "name", label: t("signature.name"), width: "minmax(120px, 2fr)", cell: (one) => one.name },
    { id: "type", label: t("signature.type"), width: "minmax(110px, 1fr)", cell: (one) => one.type },
  ];
  return (
    <Panel flush title={t("signature.title", { inputs: inputs.length, outputs: outputs.length })}>
      <DataTable
        label={t("signature.label")}
        rows={rows}
        columns={columns}
        idOf={(one) => `${one.side} ${one.name}`}
        height={rows.length > 10 ? 400 : "auto"}
        empty={<Empty title={t("signature.none")} />}
      />
    </Panel>
  );
}
