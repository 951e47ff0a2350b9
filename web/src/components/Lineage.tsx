import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { lazy, Suspense, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { paths } from "@/lib/paths";
import type { FlowNode } from "./charts/FlowGraph";
import { Empty } from "./Empty";
import { LinkCell } from "./LinkCell";

const FlowGraph = lazy(() => import("./charts/FlowGraph"));

export interface LineageNode {
  id: string;
  kind: "dataset" | "job" | "study" | "model";
  name: string;
  workspace: string;
  version: number | null;
  status: string | null;
  aliases: string[];
}

export interface LineageGraph {
  nodes: LineageNode[];
  edges: { from: string; to: string; kind: string }[];
  cut: boolean;
}

const COLORS = { dataset: "info", job: "primary", study: "warning", model: "success" } as const;
const HEIGHT = 420;

function titleOf(node: LineageNode): string {
  return node.version === null ? node.name : `${node.name}@${node.version}`;
}

function placeOf(node: LineageNode): string {
  if (node.kind === "dataset") return paths.dataset(node.name, node.version ?? undefined, node.workspace);
  if (node.kind === "model") return paths.model(node.name, node.version ?? undefined, node.workspace);
  return node.kind === "study" ? paths.study(node.id) : paths.job(node.id);
}

/** What was made of what: as a graph, and as a list with the same content. */
export function Lineage({ of, here }: { of: LineageGraph; here: string }) {
  const { t } = useTranslation("components");
  const known = useMemo(() => new Map(of.nodes.map((node) => [node.id, node])), [of]);
  const nodes = useMemo(
    () =>
      of.nodes.map((node): FlowNode => ({
        id: node.id,
        kind: t(`lineage.kind.${node.kind}`),
        title: titleOf(node),
        detail: node.status
          ? t(`status.${node.status}`, { defaultValue: node.status })
          : node.aliases.join(", ") || undefined,
        to: placeOf(node),
        color: COLORS[node.kind],
        here: node.id === here,
      })),
    [of, here, t],
  );
  const edges = useMemo(
    () => of.edges.map((edge) => ({ ...edge, label: t(`lineage.edge.${edge.kind}`) })),
    [of, t],
  );
  if (of.edges.length === 0) return <Empty title={t("lineage.none")}>{t("lineage.noneDetail")}</Empty>;
  return (
    <>
      {of.cut && (
        <Alert severity="info" sx={{ mb: 1 }}>
          {t("lineage.cut")}
        </Alert>
      )}
      <Suspense fallback={<Skeleton variant="rounded" height={HEIGHT} />}>
        <FlowGraph label={t("lineage.graph")} nodes={nodes} edges={edges} height={HEIGHT} />
      </Suspense>
      <Typography variant="h3" sx={{ mt: 2 }}>
        {t("lineage.list")}
      </Typography>
      <Box component="ul" sx={{ pl: 2.5, my: 1, maxHeight: 360, overflow: "auto", "& li": { py: 0.25 } }}>
        {of.edges.map((edge, at) => (
          <li key={at}>
            <Named node={known.get(edge.from)} /> {t(`lineage.edge.${edge.kind}`)}{" "}
            <Named node={known.get(edge.to)} />
          </li>
        ))}
      </Box>
    </>
  );
}

function Named({ node }: { node: LineageNode | undefined }) {
  const { t } = useTranslation("components");
  if (!node) return null;
  return (
    <>
      {t(`lineage.kind.${node.kind}`)} <LinkCell to={placeOf(node)}>{titleOf(node)}</LinkCell>
      {node.aliases.length > 0 && ` (${node.aliases.join(", ")})`}
    </>
  );
}
