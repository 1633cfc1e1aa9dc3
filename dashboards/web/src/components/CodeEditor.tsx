// An editor for SQL and YAML. What it is made of is loaded when the first is shown.

import { lazy, Suspense } from 'react';
import css from './CodeEditor.module.css';

export interface Fault {
  /** From 1. */
  line: number;
  column?: number | undefined;
  message: string;
}

/** What else is completed in SQL. */
export interface SqlWords {
  functions: readonly { name: string; detail: string }[];
  /** Keys of attributes, completed behind `->>'`. */
  keys: readonly string[];
  /** Names that have a value, with their `$`. */
  values: readonly { name: string; detail: string }[];
}

export interface CodeEditorProps {
  label: string;
  language: 'sql' | 'yaml';
  value: string;
  onChange: (value: string) => void;
  /** Ctrl or Cmd with Enter. */
  onRun?: () => void;
  /** Tables with their columns, for completion of SQL; pass the same object until they change. */
  tables?: Record<string, string[]>;
  /** Pass the same object until it changes. */
  words?: SqlWords;
  /** What the server says is wrong, underlined where it is. */
  faults?: readonly Fault[];
  /** Of a text whose place is elsewhere: it looks like what is read, and what is written into it is only tried. */
  isTrial?: boolean;
  /** In pixels. */
  height?: number;
}

const CodeMirror = lazy(() => import('./CodeMirror').then((module) => ({ default: module.CodeMirror })));

export function CodeEditor({ height = 200, isTrial = false, ...rest }: CodeEditorProps) {
  return (
    <div className={css.editor} data-trial={isTrial} style={{ height }}>
      <Suspense fallback={<pre className={css.waiting} aria-busy="true">{rest.value}</pre>}>
        <CodeMirror {...rest} />
      </Suspense>
    </div>
  );
}
