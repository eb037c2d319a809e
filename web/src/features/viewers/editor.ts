// The editor of texts: CodeMirror, with the language by the file's name. Loaded only with a text.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { markdown, markdownLanguage } from "@codemirror/lang-markdown";
import { bracketMatching, defaultHighlightStyle, HighlightStyle, indentOnInput, LanguageDescription, syntaxHighlighting } from "@codemirror/language";
import { languages } from "@codemirror/language-data";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** Options of an editor. */
export interface Options {
  parent: HTMLElement;
  text: string;
  name: string;
  label: string;
  readOnly: boolean;
  changed: () => void;
  save: () => void;
}

/** colours of code are those of the page, so that both themes are readable. They count once there is an editor. */
export const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--ring)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--good)" },
  { tag: [tags.comment, tags.meta], color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.number, tags.bool, tags.atom], color: "var(--warn)" },
  { tag: [tags.typeName, tags.className, tags.tagName, tags.propertyName], color: "var(--folder)" },
  { tag: tags.heading, fontWeight: "bold", color: "var(--brand)" },
  { tag: tags.strong, fontWeight: "bold" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: tags.link, textDecoration: "underline" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--card)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace", fontSize: "0.875rem", lineHeight: "1.6" },
  ".cm-content": { caretColor: "var(--ink)", paddingBlock: "0.75rem" },
  ".cm-cursor": { borderColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--card)", color: "var(--soft)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "& .cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--brand) 30%, transparent)" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--ink)" },
});

/** Editor is a text that is shown, and changed unless it is read-only. */
export class Editor {
  private readonly view: EditorView;

  constructor(o: Options) {
    const language = new Compartment();
    const known = LanguageDescription.matchFilename(languages, o.name);
    this.view = new EditorView({
      parent: o.parent,
      state: EditorState.create({
        doc: o.text,
        extensions: [
          lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), highlightSelectionMatches(), search({ top: true }),
          syntaxHighlighting(colours), syntaxHighlighting(defaultHighlightStyle, { fallback: true }), look,
          EditorView.lineWrapping, EditorState.readOnly.of(o.readOnly), EditorView.contentAttributes.of({ "aria-label": o.label }),
          keymap.of([{ key: "Mod-s", run: () => (o.save(), true), preventDefault: true }, ...searchKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab]),
          EditorView.updateListener.of((u) => u.docChanged && o.changed()),
          language.of(known?.name === "Markdown" ? markdown({ base: markdownLanguage, codeLanguages: languages }) : []),
        ],
      }),
    });
    // Highlighting comes when its language was loaded; without it the text is as readable.
    if (known && known.name !== "Markdown") known.load().then((l) => this.view.dispatch({ effects: language.reconfigure(l) }), console.warn);
  }

  /** text is what is written, with "\n" between lines. */
  get text(): string {
    return this.view.state.doc.toString();
  }

  focus(): void {
    this.view.focus();
  }

  destroy(): void {
    this.view.destroy();
  }
}
