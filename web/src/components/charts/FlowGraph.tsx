import Box from "@mui/material/Box";
import { useColorScheme } from "@mui/material/styles";
import {
  Background,
  Controls,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { layered } from "./layers";

export interface FlowNode {
  id: string;
  /** What kind of thing it is, as a word. */
  kind: string;
  title: string;
  detail?: string | undefined;
  to: string;
  color: "primary" | "secondary" | "success" | "info" | "warning";
  /** The one that the page is about. */
  here?: boolean;
}

export interface FlowEdge {
  from: string;
  to: string;
  label: string;
}

interface Props {
  label: string;
  nodes: readonly FlowNode[];
  edges: readonly FlowEdge[];
  height?: number;
}

const [WIDTH, HEIGHT, GAP_X, GAP_Y] = [200, 64, 90, 20];
const NODE_TYPES = { thing: Thing };

/** A graph in layers from left to right; heavy, so it is loaded by `lazy(() => import(...))` alone. */
export default function FlowGraph({ label, nodes, edges, height = 420 }: Props) {
  const { t } = useTranslation("components");
  const { mode, systemMode } = useColorScheme();
  const dark = (mode === "system" ? systemMode : mode) === "dark";
  const placed = useMemo(() => {
    const places = layered(
      nodes.map((node) => node.id),
      edges,
    );
    return nodes.map((node): Node => {
      const { layer, row } = places.get(node.id)!;
      return {
        id: node.id,
        type: "thing",
        position: { x: layer * (WIDTH + GAP_X), y: row * (HEIGHT + GAP_Y) },
        width: WIDTH,
        height: HEIGHT,
        data: { ...node },
      };
    });
  }, [nodes, edges]);
  const drawn = useMemo(
    () =>
      edges.map((edge, at) => ({
        id: String(at),
        source: edge.from,
        target: edge.to,
        label: edge.label,
        markerEnd: { type: MarkerType.ArrowClosed },
        focusable: false,
      })),
    [edges],
  );
  return (
    <Box sx={{ height, border: 1, borderColor: "divider", borderRadius: 1 }}>
      <ReactFlow
        aria-label={label}
        nodes={placed}
        edges={drawn}
        nodeTypes={NODE_TYPES}
        colorMode={dark ? "dark" : "light"}
        fitView
        fitViewOptions={{ maxZoom: 1, padding: 0.1 }}
        minZoom={0.05}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        onlyRenderVisibleElements
        preventScrolling={false}
        zoomOnScroll={false}
        ariaLabelConfig={{
          "controls.ariaLabel": t("graph.controls"),
          "controls.zoomIn.ariaLabel": t("graph.zoomIn"),
          "controls.zoomOut.ariaLabel": t("graph.zoomOut"),
          "controls.fitView.ariaLabel": t("graph.fit"),
        }}
      >
        <Background />
        <Controls showInteractive={false} />
      </ReactFlow>
    </Box>
  );
}

function Thing({ data }: NodeProps) {
  const node = data as unknown as FlowNode;
  return (
    <Box
      component={Link}
      to={node.to}
      className="nodrag nopan"
      aria-current={node.here ? "true" : undefined}
      sx={{
        display: "block",
        width: WIDTH,
        height: HEIGHT,
        px: 1,
        py: 0.5,
        bgcolor: "background.paper",
        color: "text.primary",
        border: node.here ? 3 : 1,
        borderLeft: 6,
        borderColor: `${node.color}.main`,
        borderRadius: 1,
        textDecoration: "none",
        fontSize: 13,
        lineHeight: 1.35,
        "& > div": { overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
      }}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} style={{ opacity: 0 }} />
      <Box sx={{ color: "text.secondary", fontSize: 11 }}>{node.kind}</Box>
      <Box sx={{ fontWeight: 600 }} title={node.title}>
        {node.title}
      </Box>
      <Box sx={{ color: "text.secondary" }}>{node.detail}</Box>
      <Handle type="source" position={Position.Right} isConnectable={false} style={{ opacity: 0 }} />
    </Box>
  );
}
