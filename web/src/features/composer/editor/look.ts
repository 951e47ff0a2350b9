/** How the editor looks: the page's own colours, so that light and dark are the theme's. */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colour = (name: string) => `var(--mui-palette-${name})`;

const frame = EditorView.theme({
  "&": { color: colour("text-primary"), backgroundColor: colour("background-paper"), fontSize: "0.875rem" },
  "&.cm-focused": { outline: `3px solid ${colour("warning-main")}`, outlineOffset: "-3px" },
  ".cm-scroller": { fontFamily: "ui-monospace, 'Liberation Mono', monospace", minHeight: "18rem" },
  ".cm-content": { caretColor: colour("text-primary"), padding: "8px 0" },
  ".cm-content:focus-visible": { outline: "none" },
  ".cm-cursor": { borderLeftColor: colour("text-primary") },
  ".cm-gutters": {
    color: colour("text-secondary"),
    backgroundColor: colour("background-default"),
    borderRight: `1px solid ${colour("divider")}`,
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--mui-palette-primary-main) 25%, transparent) !important",
  },
  ".cm-tooltip, .cm-panels": {
    color: colour("text-primary"),
    backgroundColor: colour("background-paper"),
    border: `1px solid ${colour("divider")}`,
  },
  ".cm-diagnostic": { fontFamily: "inherit" },
  ".cm-matchingBracket, .cm-searchMatch, .cm-selectionMatch": {
    backgroundColor: "transparent !important",
    outline: `1px solid ${colour("text-secondary")}`,
  },
});

const words = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: colour("primary-main") },
  { tag: [tags.string, tags.content], color: colour("text-primary") },
  { tag: [tags.comment, tags.meta, tags.punctuation], color: colour("text-secondary") },
  { tag: tags.comment, fontStyle: "italic" },
  { tag: [tags.keyword, tags.labelName, tags.typeName], color: colour("secondary-main") },
]);

export const look = [frame, syntaxHighlighting(words)];
