import { yaml } from "@codemirror/lang-yaml";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { Annotation, EditorState, type Text } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { basicSetup } from "codemirror";
import { useEffect, useRef } from "react";
import { difference } from "./difference";
import { look } from "./look";

export interface Mark {
  line: number;
  message: string;
}

const fromOutside = Annotation.define<boolean>();

interface Props {
  label: string;
  value: string;
  marks: readonly Mark[];
  onChange: (text: string) => void;
  /** Where the cursor goes, whenever this is another object. */
  goTo: { line: number } | null;
}

/** The job file as text. Changes from outside keep the cursor and can be undone. */
export default function YamlEditor({ label, value, marks, onChange, goTo }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const told = useRef(onChange);
  /** What was typed here comes back as `value`, perhaps after the next letter: no change from outside. */
  const typed = useRef(new Set<string>());
  useEffect(() => {
    told.current = onChange;
  });
  useEffect(() => {
    if (!host.current) return;
    const changed = (text: string) => {
      typed.current.add(text);
      told.current(text);
    };
    const made = new EditorView({ parent: host.current, state: stateOf(label, changed) });
    view.current = made;
    typed.current.clear();
    return () => {
      view.current = null;
      made.destroy();
    };
  }, [label]);
  useEffect(() => {
    const change = view.current && difference(view.current.state.doc.toString(), value);
    if (!change) typed.current.clear();
    else if (!typed.current.has(value))
      view.current?.dispatch({ changes: change, annotations: fromOutside.of(true) });
  }, [value, label]);
  useEffect(() => {
    const state = view.current?.state;
    if (state)
      view.current?.dispatch(
        setDiagnostics(
          state,
          marks.map((one) => diagnosticOf(one, state.doc)),
        ),
      );
  }, [marks, value, label]);
  useEffect(() => {
    if (!goTo || !view.current) return;
    const { doc } = view.current.state;
    const { from } = doc.line(within(goTo.line, doc));
    view.current.focus();
    view.current.dispatch({ selection: { anchor: from }, scrollIntoView: true });
  }, [goTo]);
  return <div ref={host} />;
}

function stateOf(label: string, changed: (text: string) => void): EditorState {
  return EditorState.create({
    extensions: [
      basicSetup,
      yaml(),
      lintGutter(),
      look,
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": label }),
      EditorView.updateListener.of((update) => {
        const ours = update.transactions.some((one) => one.annotation(fromOutside));
        if (update.docChanged && !ours) changed(update.state.doc.toString());
      }),
    ],
  });
}

function within(line: number, doc: Text): number {
  return Math.min(Math.max(line, 1), doc.lines);
}

function diagnosticOf({ line, message }: Mark, doc: Text): Diagnostic {
  const { from, to } = doc.line(within(line, doc));
  return { from, to, severity: "error", message };
}
