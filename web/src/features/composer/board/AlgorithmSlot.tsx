import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import FormHelperText from "@mui/material/FormHelperText";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Empty, Panel } from "@/components";
import { Slot } from "../palette/dragging";
import { type Algorithm } from "../queries";
import { textAt, wrongAt } from "../spec/spec";
import { useBoard } from "../state";
import { takeOwnCode } from "./choosing";
import { OwnCode } from "./OwnCode";

export function AlgorithmSlot({ algorithm }: { algorithm: Algorithm | undefined }) {
  const { t } = useTranslation("composer");
  const { job, apply, set, refused } = useBoard();
  const name = textAt(job, ["algorithm"]);
  const entrypoint = textAt(job, ["entrypoint"]);
  const wrong = wrongAt(refused, ["algorithm"]);
  const remove = name && (
    <Button onClick={() => set(["algorithm"], undefined)}>{t("algorithm.remove")}</Button>
  );
  return (
    <Panel title={t("algorithm.title")} actions={remove}>
      <Slot sort="algorithm">
        {entrypoint && !name ? (
          <OwnCode />
        ) : name ? (
          <>
            <Typography sx={{ fontWeight: 600 }}>{name}</Typography>
            {algorithm && <About algorithm={algorithm} />}
          </>
        ) : (
          <Empty title={t("algorithm.empty")}>
            {t("algorithm.emptyHint")}
            <br />
            <Button onClick={() => apply(takeOwnCode(job))} sx={{ mt: 1 }}>
              {t("algorithm.own")}
            </Button>
          </Empty>
        )}
      </Slot>
      {wrong && <FormHelperText error>{wrong}</FormHelperText>}
    </Panel>
  );
}

function About({ algorithm }: { algorithm: Algorithm }) {
  const { t } = useTranslation("composer");
  return (
    <>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
        {algorithm.summary}
      </Typography>
      <Stack direction="row" useFlexGap sx={{ gap: 0.5, flexWrap: "wrap" }}>
        <Chip size="small" label={algorithm.library} />
        {algorithm.tasks.map((task) => (
          <Chip key={task} size="small" label={t(`task.${task}`, { defaultValue: task })} />
        ))}
        <Chip size="small" label={t(algorithm.distributes ? "algorithm.many" : "algorithm.one")} />
      </Stack>
    </>
  );
}
