import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { stringify } from "yaml";
import { CopyButton, Facts, LinkCell, Panel, Query } from "@/components";
import { gotText, type Schemas } from "@/lib/api";
import { paths } from "@/lib/paths";
import { ENDED, type Job, useDifferences, useProvenance } from "../queries";
import { isLoose, loose, shown, text } from "../shape";
import { Text } from "./SpecTab";

/** What the job was made of: with the same document it can be done once more. */
export function Provenance({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const found = useProvenance(job.job_id);
  const git = loose(loose(job.spec.code).git);
  return (
    <Panel title={t("provenance.title")}>
      <Query of={found} height={240}>
        {(one) => (
          <>
            {one.replay_of && <Replayed job={job} of={one.replay_of} />}
            <Facts
              of={[
                [
                  t("provenance.digest"),
                  one.digest && (
                    <Box sx={{ display: "flex", alignItems: "center" }}>
                      <code>{one.digest}</code>
                      <CopyButton text={one.digest} what={t("provenance.digest")} />
                    </Box>
                  ),
                ],
                [
                  t("provenance.commit"),
                  text(git.commit) && `${text(git.commit)} (${text(git.branch) || "–"})`,
                ],
                [t("provenance.python"), text(loose(one.document.environment).python)],
                [
                  t("provenance.machine"),
                  ["cpu", "os"]
                    .map((name) => text(loose(one.document.machine)[name]))
                    .filter(Boolean)
                    .join(", "),
                ],
                [t("provenance.files"), one.files.length ? String(one.files.length) : null],
              ]}
            />
            <More title={t("provenance.document")}>
              <Text of={stringify(one.document, { lineWidth: 0 })} label={t("provenance.document")} />
            </More>
            {one.files.length > 0 && (
              <More title={t("provenance.digests")}>
                <Text
                  of={one.files.map((file) => `${file.sha256}  ${file.path}`).join("\n")}
                  label={t("provenance.digests")}
                />
              </More>
            )}
            {Boolean(git.diff) && (
              <More title={t("provenance.gitDiff")}>
                <GitDiff job={job} />
              </More>
            )}
          </>
        )}
      </Query>
    </Panel>
  );
}

function More({ title, children }: { title: string; children: React.ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <Box sx={{ mt: 1 }}>
      <Button aria-expanded={open} onClick={() => setOpen(!open)} sx={{ ml: -0.5 }}>
        {title}
      </Button>
      {open && children}
    </Box>
  );
}

function GitDiff({ job }: { job: Job }) {
  const { t } = useTranslation("job");
  const address = `/api/v1/jobs/${encodeURIComponent(job.job_id)}/git-diff`;
  const found = useQuery({
    queryKey: ["jobs", job.job_id, "git-diff"],
    queryFn: ({ signal }) => gotText(address, signal),
  });
  return <Query of={found}>{(diff) => <Text of={diff} label={t("provenance.gitDiff")} />}</Query>;
}

/** Whether a replay has come to the same, to the last bit. */
function Replayed({ job, of }: { job: Job; of: string }) {
  const { t } = useTranslation("job");
  const found = useDifferences(job.job_id, ENDED.has(job.status) ? of : null);
  return (
    <Box sx={{ mb: 1.5 }}>
      <Typography variant="body2" sx={{ mb: 1 }}>
        {t("provenance.replayOf")} <LinkCell to={paths.job(of)}>{of}</LinkCell>
      </Typography>
      {ENDED.has(job.status) && <Query of={found}>{(one) => <Verdict found={one} />}</Query>}
    </Box>
  );
}

function Verdict({ found }: { found: Schemas["Differences"] }) {
  const { t } = useTranslation("job");
  const files = found.files.filter((one) => !one.equal).map((one) => one.path);
  const changed = found.changed.filter(isLoose).map((one) => text(one.field) || text(one.path) || shown(one));
  const metrics = Object.entries(found.metrics).filter(([, one]) => one.change !== 0);
  if (found.bit_equal) return <Alert severity="success">{t("provenance.bitEqual")}</Alert>;
  return (
    <Alert severity={found.bit_equal === null ? "info" : "warning"}>
      {t(found.bit_equal === null ? "provenance.notComparable" : "provenance.notEqual")}
      <Facts
        of={[
          [t("provenance.changedFiles"), files.join(", ")],
          [t("provenance.changedFields"), changed.join(", ")],
          [
            t("provenance.changedMetrics"),
            metrics.map(([name, one]) => `${name}: ${shown(one.a)} → ${shown(one.b)}`).join(", "),
          ],
        ]}
      />
    </Alert>
  );
}
