import Box from "@mui/material/Box";
import FormControlLabel from "@mui/material/FormControlLabel";
import MenuItem from "@mui/material/MenuItem";
import Stack from "@mui/material/Stack";
import Switch from "@mui/material/Switch";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";
import { type Column, DataTable, Empty, Facts, Panel, Query } from "@/components";
import { bytes, number, percent } from "@/lib/format";
import { compareVersions, type Difference, sharedRange } from "./compare";
import { SmallPlot } from "./Plot";
import { profileOf } from "./profile";
import { type Dataset, useVersion, type Version } from "./queries";

/** A version beside another one of the same dataset; which one stands in the address. */
export function CompareView({ version, dataset }: { version: Version; dataset: Dataset }) {
  const { t } = useTranslation("datasets");
  const [search, setSearch] = useSearchParams();
  const others = Array.from({ length: dataset.latest_version ?? 0 }, (_, at) => at + 1).filter(
    (one) => one !== version.version,
  );
  const asked = Number(search.get("with"));
  const other = others.includes(asked)
    ? asked
    : (others.filter((one) => one < version.version).at(-1) ?? others[0] ?? null);
  const found = useVersion(dataset.name, other, dataset.workspace);
  if (other === null) return <Empty title={t("compare.one")}>{t("compare.oneDetail")}</Empty>;
  return (
    <Stack spacing={2}>
      <TextField
        select
        label={t("compare.with")}
        value={other}
        onChange={(event) => {
          search.set("with", event.target.value);
          setSearch(search);
        }}
        sx={{ width: 220 }}
      >
        {others.map((one) => (
          <MenuItem key={one} value={one}>
            {one}
          </MenuItem>
        ))}
      </TextField>
      <Query of={found} height={400}>
        {(before) => <Compared before={before} after={version} />}
      </Query>
    </Stack>
  );
}

function Compared({ before, after }: { before: Version; after: Version }) {
  const { t } = useTranslation("datasets");
  const [changed, setChanged] = useState(false);
  const all = useMemo(() => compareVersions(before, after), [before, after]);
  const count = (what: Difference["what"]) => all.filter((one) => one.what === what).length;
  const rows = changed ? all.filter((one) => one.what !== "same") : all;
  return (
    <Panel
      flush
      title={t("compare.summary", {
        added: count("added"),
        removed: count("removed"),
        changed: count("changed"),
        same: count("same"),
      })}
      actions={
        <FormControlLabel
          control={<Switch checked={changed} onChange={(_, on) => setChanged(on)} />}
          label={t("compare.onlyChanged")}
        />
      }
    >
      <Box sx={{ px: 2, pb: 1 }}>
        <Facts
          columns={3}
          of={[
            [t("rows"), `${number(before.rows)} → ${number(after.rows)}`],
            [t("columns"), `${number(before.columns.length)} → ${number(after.columns.length)}`],
            [t("size"), `${bytes(before.bytes)} → ${bytes(after.bytes)}`],
          ]}
        />
        <Typography variant="body2" color="textSecondary" sx={{ mt: 1 }}>
          {t("compare.movedHelp")}
        </Typography>
      </Box>
      <DataTable
        label={t("view.compare")}
        rows={rows}
        columns={useColumns(before, after)}
        idOf={(one) => one.name}
        height={rows.length > 14 ? 600 : "auto"}
        empty={<Empty title={t("compare.nothing")} />}
      />
    </Panel>
  );
}

function useColumns(before: Version, after: Version): Column<Difference>[] {
  const { t } = useTranslation("datasets");
  const plot = (version: Version, side: "before" | "after"): Column<Difference> => ({
    id: side,
    label: `${t("version")} ${version.version}`,
    width: "minmax(130px, 1.5fr)",
    cell: (one) => {
      const column = one[side];
      if (column === null) return "–";
      const range = sharedRange(profileOf(before, one.name).histogram, profileOf(after, one.name).histogram);
      return (
        <Box sx={{ py: 0.5, pr: 1 }}>
          <SmallPlot
            column={column}
            profile={profileOf(version, one.name)}
            rows={version.rows}
            range={range}
            second={side === "before"}
            label={t("compare.versionOf", { name: one.name, version: version.version })}
          />
        </Box>
      );
    },
  });
  return [
    { id: "name", label: t("column.name"), width: "minmax(130px, 1.5fr)", cell: (one) => one.name },
    { id: "what", label: t("compare.what"), width: "100px", cell: (one) => t(`compare.${one.what}`) },
    {
      id: "moved",
      label: t("compare.moved"),
      width: "130px",
      align: "right",
      cell: (one) => percent(one.moved, 1),
    },
    plot(before, "before"),
    plot(after, "after"),
    {
      id: "missing",
      label: t("column.missing"),
      width: "150px",
      align: "right",
      wide: true,
      cell: (one) => change(one, (side, version) => percent(side.missing / version.rows, 1), before, after),
    },
    {
      id: "type",
      label: t("column.type"),
      width: "200px",
      wide: true,
      cell: (one) => change(one, (side) => t(`type.${side.type}`), before, after),
    },
  ];
}

/** Once if it is the same on both sides. */
function change(
  one: Difference,
  text: (side: NonNullable<Difference["before"]>, version: Version) => string,
  before: Version,
  after: Version,
): string {
  const [was, is] = [one.before && text(one.before, before), one.after && text(one.after, after)];
  return was === null || is === null || was === is ? (is ?? was ?? "") : `${was} → ${is}`;
}
