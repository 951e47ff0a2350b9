import Box from "@mui/material/Box";
import LinearProgress from "@mui/material/LinearProgress";
import Typography from "@mui/material/Typography";
import { useTranslation } from "react-i18next";
import { bytes, percent } from "@/lib/format";
import type { Load } from "./worker";

const FULL = 90;

/** How busy a machine is; what is not known is left out. */
export function Bars({ load }: { load: Load }) {
  const { t } = useTranslation("fleet");
  const rows: [name: string, value: number | null, beside?: string][] = [
    [t("cpu"), load.cpu],
    [t("memory"), load.memory],
    ...load.gpus.map((gpu, at): [string, number | null, string] => [
      load.gpus.length > 1 ? `${t("gpu")} ${at}` : t("gpu"),
      gpu.utilisation,
      gpu.used !== null && gpu.memory !== null ? `${bytes(gpu.used)} / ${bytes(gpu.memory)}` : gpu.name,
    ]),
    [t("disk"), load.disk, load.diskFree === null ? "" : t("free", { amount: bytes(load.diskFree) })],
  ];
  return (
    <Box sx={{ display: "grid", gap: 0.5 }}>
      {rows
        .filter(([, value]) => value !== null)
        .map(([name, value, beside]) => (
          <Bar key={name} name={name} value={value ?? 0} beside={beside ?? ""} />
        ))}
    </Box>
  );
}

function Bar({ name, value, beside }: { name: string; value: number; beside: string }) {
  const share = Math.min(100, Math.max(0, value));
  return (
    <div>
      <Box sx={{ display: "flex", justifyContent: "space-between", gap: 1 }}>
        <Typography variant="caption">{name}</Typography>
        <Typography variant="caption">
          {beside && `${beside} · `}
          {percent(share / 100)}
        </Typography>
      </Box>
      <LinearProgress
        variant="determinate"
        aria-label={name}
        value={share}
        color={share >= FULL ? "warning" : "primary"}
        sx={{ height: 6, borderRadius: 3 }}
      />
    </div>
  );
}
