import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Tab from "@mui/material/Tab";
import Tabs from "@mui/material/Tabs";
import { lazy, Suspense, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Page, Panel, useToast } from "@/components";
import { BoardView } from "./board/BoardView";
import { CheckPanel } from "./check/CheckPanel";
import { useSubmit } from "./check/useSubmit";
import { fieldsOf, usePlan } from "./queries";
import { isJobFile } from "./sources/files";
import { Sources } from "./sources/Sources";
import { lineOf } from "./spec/document";
import { isSaid, needs } from "./spec/spec";
import { BoardProvider, useComposer } from "./state";
import { useWide } from "./useWide";

const YamlEditor = lazy(() => import("./editor/YamlEditor"));

export function ComposerPage({ given }: { given: string | null }) {
  const { t } = useTranslation("composer");
  const toast = useToast();
  const composer = useComposer(given);
  const { text, job, wrong, setText } = composer;
  const wide = useWide();
  const [half, setHalf] = useState<"board" | "file">("board");
  const [goTo, setGoTo] = useState<{ line: number } | null>(null);
  const plan = usePlan(job, wrong.length === 0);
  const { submit, busy, error } = useSubmit(text, job);
  const refused = useMemo(() => {
    const sent = fieldsOf(error);
    const lacking = needs(job);
    return (sent.length > 0 ? sent : fieldsOf(plan.error)).filter((one) => !isSaid(one.field, lacking));
  }, [error, plan.error, job]);
  const marks = useMemo(
    () =>
      wrong.length
        ? wrong
        : refused.map((one) => ({ line: lineOf(text, one.field), message: `${one.field}: ${one.message}` })),
    [wrong, refused, text],
  );
  const board = useMemo(() => ({ ...composer, refused }), [composer, refused]);
  const openJobFile = async (file: File) => {
    if (!isJobFile(file)) return toast(t("source.noJobFile", { file: file.name }), "error");
    setText(await file.text());
  };
  const showLine = (line: number) => {
    setHalf("file");
    setGoTo({ line });
  };
  const lacking = needs(job);
  const submitting = (
    <Button
      variant="contained"
      loading={busy}
      disabled={wrong.length > 0 || lacking.length > 0}
      onClick={submit}
    >
      {t("submit")}
    </Button>
  );
  return (
    <BoardProvider value={board}>
      <Page
        title={t("nav")}
        actions={
          <>
            <Sources composer={composer} onFile={(file) => void openJobFile(file)} />
            {submitting}
          </>
        }
      >
        {!wide && (
          <Tabs
            value={half}
            onChange={(_, next: typeof half) => setHalf(next)}
            aria-label={t("halves")}
            sx={{ mb: 2 }}
          >
            <Tab value="board" label={t("board.title")} id="tab-board" aria-controls="half-board" />
            <Tab value="file" label={t("file.title")} id="tab-file" aria-controls="half-file" />
          </Tabs>
        )}
        <Box
          sx={{
            display: "grid",
            gap: 2,
            alignItems: "start",
            gridTemplateColumns: wide ? "minmax(0, 1fr) minmax(340px, 32%)" : "minmax(0, 1fr)",
          }}
        >
          <Half id="board" tabbed={!wide} shown={wide || half === "board"}>
            <BoardView />
          </Half>
          <Half id="file" tabbed={!wide} shown={wide || half === "file"} sticky={wide}>
            <Box
              sx={{ display: "grid", gap: 2, gridTemplateColumns: "minmax(0, 1fr)" }}
              onDropCapture={(event) => {
                const file = event.dataTransfer.files[0];
                if (!file) return;
                event.preventDefault();
                event.stopPropagation();
                void openJobFile(file);
              }}
              onDragOver={(event) => event.dataTransfer.types.includes("Files") && event.preventDefault()}
            >
              <Panel title={t("file.title")} flush>
                <Box
                  sx={{
                    maxHeight: wide ? "55vh" : "none",
                    overflow: "auto",
                    borderTop: 1,
                    borderColor: "divider",
                  }}
                >
                  <Suspense fallback={<Skeleton variant="rectangular" height={300} aria-busy="true" />}>
                    <YamlEditor
                      label={t("file.label")}
                      value={text}
                      marks={marks}
                      onChange={setText}
                      goTo={goTo}
                    />
                  </Suspense>
                </Box>
              </Panel>
              {wide && <CheckPanel plan={plan} failed={error} onLine={showLine} />}
            </Box>
          </Half>
        </Box>
        {!wide && (
          <Box sx={{ mt: 2 }}>
            <CheckPanel plan={plan} failed={error} onLine={showLine} />
          </Box>
        )}
      </Page>
    </BoardProvider>
  );
}

interface HalfProps {
  id: string;
  tabbed: boolean;
  shown: boolean;
  sticky?: boolean;
  children: React.ReactNode;
}

/** Both halves stay there while one is hidden: nothing typed or half uploaded is lost by looking at the other. */
function Half({ id, tabbed, shown, sticky, children }: HalfProps) {
  const role = tabbed ? { role: "tabpanel", id: `half-${id}`, "aria-labelledby": `tab-${id}` } : {};
  return (
    <Box {...role} hidden={!shown} sx={{ minWidth: 0, ...(sticky ? { position: "sticky", top: 64 } : {}) }}>
      {children}
    </Box>
  );
}
