import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { type ReactNode, useMemo } from "react";
import { type Block, type Inline, parseMarkdown } from "./markdown";

/** A document as React elements, its headings below those of the page. */
export default function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => parseMarkdown(text), [text]);
  return (
    <Box sx={{ "& > * + *": { mt: 1.5 }, maxWidth: 900 }}>
      {blocks.map((block, at) => (
        <Shown key={at} block={block} />
      ))}
    </Box>
  );
}

function Shown({ block }: { block: Block }) {
  if (block.kind === "heading") {
    const level = Math.min(block.level + 2, 6) as 3 | 4 | 5 | 6;
    return (
      <Typography component={`h${level}`} variant="h3" sx={{ "&&": { mt: 2.5 } }}>
        {spans(block.of)}
      </Typography>
    );
  }
  if (block.kind === "paragraph") return <Typography component="p">{spans(block.of)}</Typography>;
  if (block.kind === "code") {
    return (
      <Box
        component="pre"
        tabIndex={0}
        sx={{ overflow: "auto", p: 1, m: 0, bgcolor: "action.hover", borderRadius: 1 }}
      >
        {block.text}
      </Box>
    );
  }
  if (block.kind === "list") {
    return (
      <Box component={block.ordered ? "ol" : "ul"} sx={{ pl: 3 }}>
        {block.items.map((item, at) => (
          <li key={at}>{spans(item)}</li>
        ))}
      </Box>
    );
  }
  return <Grid block={block} />;
}

function Grid({ block }: { block: Extract<Block, { kind: "table" }> }) {
  const titled = block.head.some((cell) => cell.length > 0);
  return (
    <Box sx={{ overflowX: "auto" }} tabIndex={0}>
      <Table sx={{ width: "auto", overflowWrap: "break-word" }}>
        {titled && (
          <TableHead>
            <TableRow>
              {block.head.map((cell, at) => (
                <TableCell key={at} sx={{ fontWeight: 600 }}>
                  {spans(cell)}
                </TableCell>
              ))}
            </TableRow>
          </TableHead>
        )}
        <TableBody>
          {block.rows.map((row, at) => (
            <TableRow key={at}>
              {row.map((cell, column) => (
                <TableCell key={column}>{spans(cell)}</TableCell>
              ))}
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Box>
  );
}

function spans(of: Inline[]): ReactNode[] {
  return of.map((one, at) => {
    if (one.kind === "text") return one.text;
    if (one.kind === "code") return <code key={at}>{one.text}</code>;
    if (one.kind === "strong") return <strong key={at}>{spans(one.of)}</strong>;
    if (one.kind === "emphasis") return <em key={at}>{spans(one.of)}</em>;
    return (
      <Link key={at} href={one.to} target="_blank" rel="noopener noreferrer nofollow">
        {spans(one.of)}
      </Link>
    );
  });
}
