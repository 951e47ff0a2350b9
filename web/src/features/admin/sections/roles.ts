import { useTranslation } from "react-i18next";

export const ROLES = ["viewer", "service", "user", "admin"] as const;

/** As options of a form. */
export function useRoles(): { value: string; label: string }[] {
  const { t } = useTranslation("admin");
  return ROLES.map((value) => ({ value, label: t(`roles.${value}`) }));
}
