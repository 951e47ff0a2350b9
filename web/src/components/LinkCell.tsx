import { styled } from "@mui/material/styles";
import { Link, type LinkProps } from "react-router";

/** A link to another place of the page.  One element, since tables have a thousand of them. */
export const LinkCell = styled(Link)<LinkProps>(({ theme }) => ({
  color: theme.vars.palette.primary.main,
  textDecoration: "underline",
  textDecorationColor: `rgba(${theme.vars.palette.primary.mainChannel} / 0.4)`,
  "&:hover": { textDecorationColor: "inherit" },
}));
