import { useTranslation } from "react-i18next";
import { FormDialog, textOf, type Values } from "@/components";
import { client, got, type Schemas } from "@/lib/api";
import { useDo } from "../queries";
import { useRoles } from "./roles";

export function AddUser() {
  const { t } = useTranslation("admin");
  const act = useDo();
  const roles = useRoles();
  const add = (values: Values) => {
    const body: Schemas["NewUser"] = {
      name: textOf(values, "name"),
      email: textOf(values, "email") || null,
      password: typeof values.password === "string" && values.password ? values.password : null,
      role: (textOf(values, "role") || null) as Schemas["Role"] | null,
      service: values.service === true,
    };
    return act(got(client.POST("/api/v1/users", { body })), [["users"]]);
  };
  return (
    <FormDialog
      variant="contained"
      onSubmit={add}
      fields={[
        { name: "name", label: t("users.name"), required: true, help: t("users.nameHelp") },
        { name: "email", label: t("users.email") },
        {
          name: "role",
          label: t("users.role"),
          kind: "choice",
          options: [{ value: "", label: t("users.noRole") }, ...roles],
          help: t("users.roleHelp"),
        },
        { name: "service", label: t("users.service"), kind: "check", help: t("users.serviceHelp") },
        {
          name: "password",
          label: t("users.password"),
          kind: "password",
          autoComplete: "new-password",
          help: t("users.passwordHelp"),
        },
      ]}
    >
      {t("users.add")}
    </FormDialog>
  );
}
