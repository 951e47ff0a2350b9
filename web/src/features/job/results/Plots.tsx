import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { Panel } from "@/components";
import type { Schemas } from "@/lib/api";

/** Pictures that the platform draws of a job: as files they can be kept and passed on. */
export function Plots({ plots }: { plots: Schemas["Plot"][] }) {
  const { t } = useTranslation("job");
  const own = plots.filter((one) => one.url.startsWith("/api/v1/jobs/"));
  if (own.length === 0) return null;
  return (
    <Panel title={t("results.plots")}>
      <Box
        sx={{
          display: "grid",
          gap: 2,
          gridTemplateColumns: "repeat(auto-fill, minmax(min(100%, 340px), 1fr))",
        }}
      >
        {own.map((one) => {
          const name = t(`results.plot.${one.name}`, { defaultValue: one.name });
          return (
            <Box key={one.name} component="figure" sx={{ m: 0, minWidth: 0 }}>
              {/* They are drawn on white, in both schemes. */}
              <Box
                component="img"
                src={one.url}
                alt={name}
                loading="lazy"
                sx={{
                  width: "100%",
                  display: "block",
                  bgcolor: "#ffffff",
                  borderRadius: 1,
                  border: 1,
                  borderColor: "divider",
                }}
              />
              <Typography component="figcaption" variant="body2">
                {name}{" "}
                <Link
                  href={one.url}
                  download={`${one.name}.svg`}
                  aria-label={t("results.download", { name })}
                >
                  SVG
                </Link>
              </Typography>
            </Box>
          );
        })}
      </Box>
    </Panel>
  );
}
