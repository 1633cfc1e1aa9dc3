// CodeMirror as an element of React: created once, then told what changes.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, ifNotIn, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { PostgreSQL, sql } from '@codemirror/lang-sql';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState, Prec, RangeSet, StateEffect, StateField, type Extension } from '@codemirror/state';
import { Decoration, EditorView, highlightActiveLine, keymap, lineNumbers, type DecorationSet } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { useEffect, useRef } from 'react';
import type { CodeEditorProps, Fault, SqlWords } from './CodeEditor';
import css from './CodeEditor.module.css';

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.definitionKeyword, tags.propertyName], color: 'var(--accent)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--warning)' },
  { tag: tags.comment, color: 'var(--text-3)' },
]);

export function CodeMirror({ label, language, value, onChange, onRun, tables, words, faults }: Omit<CodeEditorProps, 'height' | 'isTrial'>) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef({ value, onChange, onRun });
  const languageOf = useRef(new Compartment());
  useEffect(() => {
    latest.current = { value, onChange, onRun };
  });

  useEffect(() => {
    if (place.current === null) return undefined;
    const editor = new EditorView({
      parent: place.current,
      doc: latest.current.value,
      extensions: [
        basics(label),
        languageOf.current.of([]),
        Prec.highest(keymap.of([{ key: 'Mod-Enter', run: () => { latest.current.onRun?.(); return latest.current.onRun !== undefined; } }])),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) latest.current.onChange(update.state.doc.toString());
        }),
      ],
    });
    view.current = editor;
    return () => {
      editor.destroy();
    };
  }, [label]);

  useEffect(() => {
    const support = language === 'yaml' ? yaml() : [sql({ dialect: PostgreSQL, schema: tables ?? {}, upperCaseKeywords: false }), completionOf(words)];
    view.current?.dispatch({ effects: languageOf.current.reconfigure(support) });
  }, [language, tables, words, label]);

  useEffect(() => {
    const editor = view.current;
    if (editor === null || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    view.current?.dispatch({ effects: setFaults.of(faults ?? []) });
  }, [faults]);

  return <div ref={place} className={css.code} />;
}

function basics(label: string): Extension {
  return [
    lineNumbers(),
    history(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    autocompletion(),
    highlightActiveLine(),
    syntaxHighlighting(colours),
    faultMarks,
    EditorView.lineWrapping,
    EditorState.tabSize.of(2),
    EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
    // Escape and then Tab leaves the editor.
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
  ];
}

/** Functions, inside `->>'` keys of attributes, and behind `$` what has a value. */
function completionOf({ functions, keys, values }: SqlWords = { functions: [], keys: [], values: [] }): Extension {
  const calls = functions.map(({ name, detail }) => ({ label: name, type: 'function', info: detail, apply: `${name}(` }));
  const attributes = keys.map((key) => ({ label: key, type: 'property' }));
  const complete = (context: CompletionContext): CompletionResult | null => {
    const key = context.matchBefore(/->>?\s*'[\w.-]*/);
    if (key !== null) return { from: key.from + key.text.indexOf("'") + 1, options: attributes, validFor: /^[\w.-]*$/ };
    const word = context.matchBefore(/(?<!['".$\w])\w+/);
    return word === null ? null : { from: word.from, options: calls, validFor: /^\w*$/ };
  };
  // Before the keywords "from" and "interval", which are completed there as well.
  const names = values.map(({ name, detail }) => ({ label: name, type: 'variable', detail, boost: 50 }));
  const completeName = ifNotIn(['String', 'QuotedIdentifier', 'LineComment', 'BlockComment'], (context) => {
    const name = context.matchBefore(/\$\w*/);
    return name === null ? null : { from: name.from, options: names, validFor: /^\$\w*$/ };
  });
  return [PostgreSQL.language.data.of({ autocomplete: complete }), PostgreSQL.language.data.of({ autocomplete: completeName })];
}

const setFaults = StateEffect.define<readonly Fault[]>();

const faultMarks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marks, change) => {
    const told = change.effects.find((effect) => effect.is(setFaults));
    return told === undefined ? marks.map(change.changes) : marksOf(told.value, change.state);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** From where a fault is to the end of its line; the whole line where no column is said. */
function marksOf(faults: readonly Fault[], state: EditorState): DecorationSet {
  const ranges = faults.flatMap((fault) => {
    if (fault.line < 1 || fault.line > state.doc.lines) return [];
    const line = state.doc.line(fault.line);
    const from = Math.min(line.to, line.from + Math.max(0, (fault.column ?? 1) - 1));
    return from === line.to ? [] : [Decoration.mark({ class: css.fault ?? '', attributes: { title: fault.message } }).range(from, line.to)];
  });
  return RangeSet.of(ranges, true);
}
