import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Facts, Panel, Query } from "@/components";
import { duration, money, number } from "@/lib/format";
import { Bars } from "../Bars";
import { type Job, useLedger } from "../queries";

const GOOD_FOR = ["useful", "idle", "lost", "hung", "running"];

/** What the job's time was good for, and what it took. */
export function Cost({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const found = useLedger(job.job_id);
  return (
    <Panel title={t("cost.title")}>
      <Query of={found} height={180}>
        {({ total, currency, hint }) => (
          <>
            <Bars
              label={t("cost.title")}
              of={GOOD_FOR.filter((name) => name === "useful" || (total.held_s[name] ?? 0) > 0).map(
                (name) => ({
                  name: t(`cost.of.${name}`),
                  value: total.held_s[name] ?? 0,
                  text: duration(total.held_s[name] ?? 0),
                }),
              )}
            />
            <Typography component="div" sx={{ mt: 2 }}>
              <Facts
                columns={2}
                of={[
                  [t("cost.held"), duration(total.held_s.total)],
                  [t("cost.cpu"), duration(total.cpu_used_s)],
                  [t("cost.gpu"), (total.gpu_s.total ?? 0) > 0 ? duration(total.gpu_s.total) : null],
                  [
                    t("cost.energy"),
                    total.energy_j === null
                      ? null
                      : `${number(total.energy_j / 3600, 3)} Wh (${total.energy_how ?? ""})`,
                  ],
                  [t("cost.carbon"), total.carbon_g ? `${number(total.carbon_g, 3)} g` : null],
                  [
                    t("cost.cost"),
                    (total.cost.total ?? 0) > 0 ? money(total.cost.total, currency) : (hint ?? null),
                  ],
                ]}
              />
            </Typography>
          </>
        )}
      </Query>
    </Panel>
  );
}
