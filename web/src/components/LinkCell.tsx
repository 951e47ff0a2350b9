import MuiLink, { type LinkProps } from "@mui/material/Link";
import type { ReactNode } from "react";
import { Link } from "react-router";

/** A link to another place of the page. */
export function LinkCell({
  to,
  children,
  ...rest
}: { to: string; children: ReactNode } & Omit<LinkProps, "href">) {
  return (
    <MuiLink component={Link} to={to} {...rest}>
      {children}
    </MuiLink>
  );
}
