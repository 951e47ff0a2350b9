import Tab from "@mui/material/Tab";
import MuiTabs from "@mui/material/Tabs";
import { Link } from "react-router";

/** Tabs that are links: each has an address, and opens in a new window if somebody wants that. */
export function Tabs({
  label,
  value,
  of,
}: {
  label: string;
  value: string;
  of: { value: string; label: string; to: string }[];
}) {
  return (
    <MuiTabs
      value={value}
      aria-label={label}
      variant="scrollable"
      allowScrollButtonsMobile
      sx={{ mb: 2, borderBottom: 1, borderColor: "divider" }}
    >
      {of.map((tab) => (
        <Tab key={tab.value} value={tab.value} label={tab.label} component={Link} to={tab.to} />
      ))}
    </MuiTabs>
  );
}
