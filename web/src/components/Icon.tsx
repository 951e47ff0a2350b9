import SvgIcon, { type SvgIconProps } from "@mui/material/SvgIcon";

/** A path of @mdi/js.  Beside a text it says nothing of its own; alone it needs a `label`. */
export function Icon({ path, label, ...rest }: SvgIconProps & { path: string; label?: string }) {
  return (
    <SvgIcon {...rest} {...(label ? { titleAccess: label } : { "aria-hidden": true })}>
      <path d={path} />
    </SvgIcon>
  );
}
