import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import { useMutation } from "@tanstack/react-query";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { ErrorNote } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { number } from "@/lib/format";

/** Goes through the whole log; says in which entry it is not as it was written. */
export function Verify() {
  const { t } = useTranslation(["admin", "components"]);
  const id = useId();
  const verify = useMutation({ mutationFn: () => got(client.POST("/api/v1/audit/verify")) });
  const shown = verify.isSuccess || verify.isError;
  return (
    <>
      <Button variant="outlined" loading={verify.isPending} onClick={() => verify.mutate()}>
        {t("audit.verify")}
      </Button>
      <Dialog open={shown} onClose={() => verify.reset()} aria-labelledby={id}>
        <DialogTitle id={id}>{t("audit.verify")}</DialogTitle>
        <DialogContent>
          {verify.isError && <ErrorNote error={verify.error} />}
          {verify.data && <Verdict of={verify.data} />}
        </DialogContent>
        <DialogActions>
          <Button autoFocus onClick={() => verify.reset()}>
            {t("close", { ns: "components" })}
          </Button>
        </DialogActions>
      </Dialog>
    </>
  );
}

function Verdict({ of: found }: { of: Schemas["VerdictRead"] }) {
  const { t } = useTranslation("admin");
  if (found.ok)
    return <Alert severity="success">{t("audit.whole_", { entries: number(found.entries) })}</Alert>;
  return (
    <Alert severity="error">
      {t("audit.broken")} {found.problem && JSON.stringify(found.problem)}
    </Alert>
  );
}
