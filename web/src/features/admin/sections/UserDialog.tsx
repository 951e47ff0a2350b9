import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import Stack from "@mui/material/Stack";
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { Ago, ConfirmButton, Facts, FormDialog, Query, textOf } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { useSession } from "@/lib/session";
import { useDo, useUser } from "../queries";
import { useRoles } from "./roles";

type Known = Schemas["UserWithRoles"];

/** One account: what it is, and all that an administrator may do about it. */
export function UserDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const { t } = useTranslation(["admin", "components"]);
  const id = useId();
  return (
    <Dialog open fullWidth maxWidth="sm" onClose={onClose} aria-labelledby={id}>
      <DialogTitle id={id}>{name}</DialogTitle>
      <DialogContent>
        <Query of={useUser(name)}>
          {(user) => (
            <Stack sx={{ gap: 2 }}>
              <About of={user} />
              <Acts of={user} onGone={onClose} />
            </Stack>
          )}
        </Query>
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{t("close", { ns: "components" })}</Button>
      </DialogActions>
    </Dialog>
  );
}

function About({ of: user }: { of: Known }) {
  const { t } = useTranslation("admin");
  const within = Object.entries(user.workspaces).map(([where, role]) => `${where}: ${t(`roles.${role}`)}`);
  const given = user.role_given_by === "provider" ? ` (${t("users.mark.provider")})` : "";
  return (
    <Facts
      columns={2}
      of={[
        [t("users.role"), user.role ? t(`roles.${user.role}`) + given : t("users.noRole")],
        [t("users.within"), within.join("; ") || "–"],
        [t("users.email"), user.email],
        [t("users.code"), t(user.has_code ? "yes" : "no")],
        [t("users.login"), <Ago key="login" at={user.last_login_at} />],
        [t("users.state"), t(user.disabled ? "users.mark.closed" : "users.opened")],
      ]}
    />
  );
}

function Acts({ of: user, onGone }: { of: Known; onGone: () => void }) {
  const { t } = useTranslation("admin");
  const act = useDo();
  const roles = useRoles();
  const { caller } = useSession();
  const path = { user: user.name };
  const change = (body: Partial<Schemas["UserChange"]>) =>
    act(
      got(client.PATCH("/api/v1/users/{user}", { params: { path }, body: body as Schemas["UserChange"] })),
      [["users"]],
    );
  const erase = async () => {
    await act(got(client.POST("/api/v1/users/{user}/erase", { params: { path } })), [["users"]]);
    onGone();
  };
  const remove = async () => {
    await act(got(client.DELETE("/api/v1/users/{user}", { params: { path } })), [["users"]]);
    onGone();
  };
  const myself = caller.username === user.name;
  return (
    <Stack direction="row" useFlexGap sx={{ gap: 1, flexWrap: "wrap" }}>
      <FormDialog
        initial={{ role: user.role ?? "", email: user.email ?? "" }}
        fields={[
          {
            name: "role",
            label: t("users.role"),
            kind: "choice",
            options: [{ value: "", label: t("users.noRole") }, ...roles],
            help: t("users.roleHelp"),
          },
          { name: "email", label: t("users.email") },
        ]}
        submit={t("save")}
        onSubmit={(values) =>
          change({
            role: (textOf(values, "role") || null) as Schemas["Role"] | null,
            email: textOf(values, "email") || null,
          })
        }
      >
        {t("users.change")}
      </FormDialog>
      {!user.service && (
        <FormDialog
          intro={t("users.resetWhat")}
          fields={[
            {
              name: "password",
              label: t("users.password"),
              kind: "password",
              required: true,
              autoComplete: "new-password",
            },
          ]}
          onSubmit={(values) => change({ password: String(values.password) })}
        >
          {t("users.reset")}
        </FormDialog>
      )}
      {user.has_code && (
        <ConfirmButton
          variant="outlined"
          question={t("users.resetCodeAsk", { name: user.name })}
          explanation={t("users.resetCodeWhat")}
          onConfirm={() => change({ reset_code: true })}
        >
          {t("users.resetCode")}
        </ConfirmButton>
      )}
      {!myself && (
        <>
          <ConfirmButton
            variant="outlined"
            question={t(user.disabled ? "users.reopenAsk" : "users.closeAsk", { name: user.name })}
            explanation={t(user.disabled ? "users.reopenWhat" : "users.closeWhat")}
            onConfirm={() => change({ disabled: !user.disabled })}
          >
            {t(user.disabled ? "users.reopen" : "users.close")}
          </ConfirmButton>
          <ConfirmButton
            variant="outlined"
            color="error"
            question={t("users.deleteAsk", { name: user.name })}
            explanation={t("users.deleteWhat")}
            onConfirm={remove}
          >
            {t("users.delete")}
          </ConfirmButton>
          <ConfirmButton
            variant="outlined"
            color="error"
            question={t("users.eraseAsk", { name: user.name })}
            explanation={t("users.eraseWhat")}
            onConfirm={erase}
          >
            {t("users.erase")}
          </ConfirmButton>
        </>
      )}
    </Stack>
  );
}
