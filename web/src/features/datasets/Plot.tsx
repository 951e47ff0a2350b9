import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { BarLine, Bars } from "@/components/charts/Bars";
import { Histogram } from "@/components/charts/Histogram";
import { byValue, type Column, type Profile, topOf } from "./profile";

interface Props {
  column: Column;
  profile: Profile;
  rows: number;
  /** Of the axis, where it is beside another one. */
  range?: [number, number] | undefined;
  second?: boolean;
  /** What it is called for those who do not see it; by default the column's name. */
  label?: string;
}

/** A column within one line of a table. */
export function SmallPlot({ column, profile, rows, range, second, label = column.name }: Props) {
  if (byValue(column, profile))
    return <BarLine label={label} of={topOf(profile)} total={rows} {...(second ? { second } : {})} />;
  if (!profile.histogram) return <>–</>;
  return (
    <Histogram
      label={label}
      of={profile.histogram}
      {...(range ? { range } : {})}
      {...(second ? { second } : {})}
    />
  );
}

/** The same with its axis, or with each value by its name. */
export function LargePlot({ column, profile, rows, range, second = false, label = column.name }: Props) {
  const { t } = useTranslation("datasets");
  const top = topOf(profile);
  if (!profile.histogram && top.length === 0) {
    return (
      <Typography variant="body2" color="textSecondary">
        {t("column.nothing")}
      </Typography>
    );
  }
  return (
    <>
      {profile.histogram && !byValue(column, profile) && (
        <Histogram
          label={label}
          of={profile.histogram}
          height={140}
          ends
          second={second}
          {...(range ? { range } : {})}
        />
      )}
      {top.length > 0 && (
        <>
          <Typography variant="body2" sx={{ fontWeight: 600, mt: 1, mb: 0.5 }}>
            {t("column.top")}
          </Typography>
          <Bars label={`${label}, ${t("column.top")}`} of={top} total={rows} second={second} />
        </>
      )}
    </>
  );
}
