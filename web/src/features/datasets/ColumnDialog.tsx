import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Facts } from "@/components";
import { edgeText } from "@/components/charts/bins";
import { figure, number, percent } from "@/lib/format";
import { LargePlot } from "./Plot";
import { type Column, type Profile, profileOf } from "./profile";
import type { Version } from "./queries";

/** All that is known of a column. */
export function ColumnDialog({
  version,
  column,
  onClose,
}: {
  version: Version;
  column: Column;
  onClose: () => void;
}) {
  const { t } = useTranslation(["datasets", "components"]);
  const id = useId();
  const profile = profileOf(version, column.name);
  return (
    <Dialog open fullWidth maxWidth="sm" onClose={onClose} aria-labelledby={id}>
      <DialogTitle id={id}>{column.name}</DialogTitle>
      <DialogContent>
        <ColumnFacts column={column} profile={profile} rows={version.rows} />
        <LargePlot column={column} profile={profile} rows={version.rows} />
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{t("components:close")}</Button>
      </DialogActions>
    </Dialog>
  );
}

export function ColumnFacts({ column, profile, rows }: { column: Column; profile: Profile; rows: number }) {
  const { t } = useTranslation("datasets");
  const quantiles = Object.entries(profile.quantiles ?? {});
  return (
    <div style={{ marginBottom: 16 }}>
      <Facts
        columns={3}
        of={[
          [t("column.type"), t(`type.${column.type}`)],
          [t("column.missing"), `${number(column.missing)} (${percent(column.missing / rows, 1)})`],
          [t("column.unique"), column.unique === null ? t("column.many") : number(column.unique)],
          [t("column.min"), ended(profile.min)],
          [t("column.max"), ended(profile.max)],
          [t("column.mean"), profile.mean == null ? null : figure(profile.mean)],
          [t("column.std"), profile.std == null ? null : figure(profile.std)],
          ...quantiles.map(([share, value]): [string, string] => [
            t("column.quantile", { share: percent(Number(share)) }),
            figure(value),
          ]),
        ]}
      />
    </div>
  );
}

export function ended(value: number | string | null | undefined): string | null {
  return value == null ? null : edgeText(value);
}
