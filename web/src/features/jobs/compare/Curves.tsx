import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import FormControlLabel from "@mui/material/FormControlLabel";
import Skeleton from "@mui/material/Skeleton";
import Stack from "@mui/material/Stack";
import Switch from "@mui/material/Switch";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Typography from "@mui/material/Typography";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import { LineChart } from "@/components/charts/LineChart";
import type { Compared } from "./ComparePage";
import { useLook } from "./Mark";
import { aligned, type Axis, cut } from "./measures";
import { NAMES_AT_ONCE, type Series, useCourses, useCurveNames } from "./queries";

type Range = [number, number] | null;

/** A chart for each metric, a line in it for each job. */
export function Curves({ compared }: { compared: Compared[] }) {
  const { t } = useTranslation("jobs");
  const [axis, setAxis] = useState<Axis>("step");
  const [logarithmic, setLogarithmic] = useState(false);
  const [range, setRange] = useState<Range>(null);
  const [groups, setGroups] = useState(1);
  const known = useCurveNames(compared.map(({ job }) => job));
  const names = known ?? [];
  const asked = names.slice(0, groups * NAMES_AT_ONCE);
  const parts = Array.from({ length: Math.max(1, Math.ceil(asked.length / NAMES_AT_ONCE)) }, (_, part) =>
    asked.slice(part * NAMES_AT_ONCE, (part + 1) * NAMES_AT_ONCE),
  );
  const left = names.length - asked.length;
  return (
    <Panel
      title={t("compare.curves")}
      actions={
        <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap", alignItems: "center" }}>
          {range && <Button onClick={() => setRange(null)}>{t("compare.whole")}</Button>}
          <FormControlLabel
            control={<Switch checked={logarithmic} onChange={(_, on) => setLogarithmic(on)} />}
            label={t("compare.log")}
          />
          <ToggleButtonGroup
            exclusive
            size="small"
            value={axis}
            aria-label={t("compare.axis")}
            onChange={(_, next: Axis | null) => next && (setAxis(next), setRange(null))}
          >
            <ToggleButton value="step">{t("compare.step")}</ToggleButton>
            <ToggleButton value="time">{t("compare.time")}</ToggleButton>
          </ToggleButtonGroup>
        </Stack>
      }
    >
      {known === undefined ? (
        <Skeleton variant="rounded" height={280} aria-busy="true" />
      ) : names.length === 0 ? (
        <Empty title={t("compare.noCurves")} />
      ) : (
        parts.map((part, at) => (
          <Group key={at} {...{ compared, axis, logarithmic, range, setRange }} names={part} />
        ))
      )}
      {left > 0 && (
        <Button onClick={() => setGroups((now) => now + 1)}>
          {t("compare.allCurves", { count: Math.min(left, NAMES_AT_ONCE) })}
        </Button>
      )}
    </Panel>
  );
}

interface GroupProps {
  compared: Compared[];
  names: string[];
  axis: Axis;
  logarithmic: boolean;
  range: Range;
  setRange: (range: Range) => void;
}

function Group({ compared, names, ...rest }: GroupProps) {
  const { t } = useTranslation("jobs");
  const courses = useCourses(
    compared.map((one) => one.job),
    names,
  );
  return (
    <Query of={courses} height={280}>
      {(series) => {
        const drawn = names.filter((name) =>
          series.some((one) => one.name === name && one.points.length > 1),
        );
        if (drawn.length === 0) return <Empty title={t("compare.noCurves")} />;
        return (
          <>
            <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
              {t("compare.zoomHint")}
            </Typography>
            <Box
              sx={{
                display: "grid",
                gap: 2,
                gridTemplateColumns: "repeat(auto-fill, minmax(min(100%, 420px), 1fr))",
              }}
            >
              {drawn.map((name) => (
                <Chart key={name} name={name} series={series} compared={compared} {...rest} />
              ))}
            </Box>
          </>
        );
      }}
    </Query>
  );
}

type ChartProps = Omit<GroupProps, "names"> & { name: string; series: Series[] };

function Chart({ name, series, compared, axis, logarithmic, range, setRange }: ChartProps) {
  const { t } = useTranslation("jobs");
  const look = useLook();
  const having = compared.flatMap((one) => {
    const points = series.find((found) => found.name === name && found.job_id === one.job.job_id)?.points;
    return points?.length ? [{ ...one, points, started: one.job.started_at }] : [];
  });
  const stamp = JSON.stringify(having.map((one) => [one.job.job_id, one.points.length, one.points.at(-1)]));
  // A new object comes with each rendering; what is in it tells whether anything changed.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const all = useMemo(() => aligned(having, axis), [stamp, axis, name]);
  const { x, values } = useMemo(() => cut(all, range), [all, range]);
  const lines = having.map((one, at) => ({ label: one.label, values: values[at] ?? [], ...look(one.at) }));
  return (
    <Box component="figure" sx={{ m: 0, minWidth: 0 }}>
      <Typography variant="h3" component="figcaption" sx={{ mb: 0.5 }}>
        {name}
      </Typography>
      <LineChart
        label={`${name}, ${t(`compare.${axis}`)}`}
        {...{ x, lines, logarithmic }}
        together={`compare-${axis}`}
        onZoom={setRange}
      />
    </Box>
  );
}
