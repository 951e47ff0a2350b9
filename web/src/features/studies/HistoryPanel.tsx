import { memo, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel } from "@/components";
import { figure } from "@/lib/format";
import DotChart from "./charts/DotChart";
import { bestSoFar } from "./history";
import type { Objective, Trial } from "./values";

/** Each value in the order of the ends, and the best one up to there. */
function HistoryPanel({ trials, objectives }: { trials: Trial[]; objectives: Objective[] }) {
  return (
    <>
      {objectives.map((objective, at) => (
        <History key={objective.metric} trials={trials} objective={objective} at={at} />
      ))}
    </>
  );
}

function History({ trials, objective, at }: { trials: Trial[]; objective: Objective; at: number }) {
  const { t } = useTranslation("studies");
  const steps = useMemo(() => bestSoFar(trials, objective.direction, at), [trials, objective.direction, at]);
  const x = useMemo(() => steps.map((_, place) => place + 1), [steps]);
  const { metric } = objective;
  const series = useMemo(() => {
    const completed = steps.map((one) => (one.state === "completed" ? one.value : null));
    const pruned = steps.map((one) => (one.state === "pruned" ? one.value : null));
    return [
      { label: t("completed"), values: completed, color: 0 },
      ...(pruned.some((one) => one !== null) ? [{ label: t("pruned"), values: pruned, color: 1 }] : []),
      { label: t("bestSoFar"), values: steps.map((one) => one.best), steps: true, color: 2 },
    ];
  }, [steps, t]);
  const summary = t("historySummary", { metric, count: steps.length, best: figure(steps.at(-1)?.best) });
  return (
    <Panel title={t("history", { metric })}>
      {steps.length === 0 ? (
        <Empty title={t("noValues")}>{t("noValuesHint")}</Empty>
      ) : (
        <DotChart label={summary} x={x} series={series} xLabel={t("order")} yLabel={metric} height={260} />
      )}
    </Panel>
  );
}

export default memo(HistoryPanel);
