import { memo, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Empty, Panel, Query } from "@/components";
import { LineChart } from "@/components/charts/LineChart";
import { type Course, MOST_COURSES, together, watched } from "./courses";
import { useCourses } from "./queries";
import type { Objective, Study, Trial } from "./values";

interface Props {
  study: Study;
  trials: Trial[];
  objective: Objective | undefined;
}

/** What trials reported on their way: it is what a pruner looks at. */
function CoursesPanel({ study, trials, objective }: Props) {
  const { t } = useTranslation("studies");
  const shown = useMemo(() => watched(trials, study.best), [trials, study.best]);
  const jobs = shown.flatMap((trial) => trial.job_id ?? []);
  const running = shown.some((trial) => trial.state === "running");
  const found = useCourses(jobs, objective?.metric ?? "", running);
  if (!objective) return null;
  return (
    <Panel title={t("courses", { metric: objective.metric })}>
      {jobs.length === 0 ? (
        <Empty title={t("noCourses")}>{t("noCoursesHint")}</Empty>
      ) : (
        <Query of={found} height={260}>
          {({ items }) => <Courses courses={items} trials={shown} metric={objective.metric} />}
        </Query>
      )}
    </Panel>
  );
}

function Courses({ courses, trials, metric }: { courses: Course[]; trials: Trial[]; metric: string }) {
  const { t } = useTranslation("studies");
  const drawn = useMemo(() => {
    const { x, values } = together(courses);
    const byJob = new Map(trials.map((trial) => [trial.job_id, trial]));
    const lines = courses.map((course, at) => {
      const trial = byJob.get(course.job_id);
      const pruned = trial?.state === "pruned";
      const name = t("trial", { number: trial?.number ?? "?" });
      return { label: pruned ? t("prunedTrial", { name }) : name, values: values[at]!, dashed: pruned };
    });
    return { x, lines };
  }, [courses, trials, t]);
  if (drawn.x.length < 2) return <Empty title={t("noCourses")}>{t("noCoursesHint")}</Empty>;
  const label = t("coursesSummary", { metric, count: courses.length, most: MOST_COURSES });
  return <LineChart label={label} x={drawn.x} lines={drawn.lines} height={260} />;
}

export default memo(CoursesPanel);
