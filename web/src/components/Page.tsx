import Box from "@mui/material/Box";
import Stack from "@mui/material/Stack";
import Typography from "@mui/material/Typography";
import { type ReactNode, useEffect, useRef } from "react";

interface Props {
  title: string;
  /** Above the title: where this page belongs. */
  above?: ReactNode;
  /** Beside the title: chips. */
  beside?: ReactNode;
  /** At the right: buttons. */
  actions?: ReactNode;
  children: ReactNode;
}

/** One page: its heading gets the focus when it is opened, so that a screen reader says where one is. */
export function Page({ title, above, beside, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} – TensorFleet`;
  }, [title]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <Box sx={{ p: { xs: 2, md: 3 }, maxWidth: 1800, mx: "auto" }}>
      <Stack
        direction="row"
        useFlexGap
        sx={{ flexWrap: "wrap", gap: 1.5, alignItems: "center", justifyContent: "space-between", mb: 2 }}
      >
        <Box sx={{ minWidth: 0 }}>
          {above}
          <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", gap: 1, alignItems: "center" }}>
            <Typography variant="h1" ref={heading} tabIndex={-1} sx={{ outline: "none" }}>
              {title}
            </Typography>
            {beside}
          </Stack>
        </Box>
        {actions && (
          <Stack direction="row" useFlexGap sx={{ flexWrap: "wrap", gap: 1 }}>
            {actions}
          </Stack>
        )}
      </Stack>
      {children}
    </Box>
  );
}
