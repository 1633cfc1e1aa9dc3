// A rule as YAML, checked by the server while it is written.

import { useMemo } from 'react';
import { queries } from '../../../api/client';
import { CodeEditor } from '../../../components/CodeEditor';
import { Failed } from '../../../components/states';
import { useSettled } from '../../../components/useSettled';
import css from '../alerting.module.css';

const LINE_HEIGHT = 21;
const LINES_MIN = 10;
const LINES_MAX = 26;

interface RuleTextProps {
  yaml: string;
  /** What is written can be tried, and not be saved. */
  isTrial?: boolean;
  onChange: (yaml: string) => void;
}

export function RuleText({ yaml, isTrial = false, onChange }: RuleTextProps) {
  const settled = useSettled(yaml);
  const checked = queries.useQuery('post', '/api/v1/alerting/rules/check', { body: { yaml: settled } }, { enabled: settled.trim() !== '' });
  // The description of this route has no failure, but servers that are not reached have.
  const error: unknown = checked.error;
  // What was said of another text would mark the wrong places.
  const told = settled === yaml ? checked.data : undefined;
  const faults = useMemo(() => (told?.faults ?? []).map((fault) => ({ line: fault.line, column: fault.column, message: `${fault.problem}; ${fault.remedy}` })), [told]);
  const lines = Math.min(LINES_MAX, Math.max(LINES_MIN, yaml.split('\n').length + 1));
  return (
    <div className={css.stack}>
      <CodeEditor label="Rule as YAML" language="yaml" value={yaml} onChange={onChange} faults={faults} isTrial={isTrial} height={lines * LINE_HEIGHT} />
      <div role="status" className={css.checked}>
        {error !== null && <Failed error={error} />}
        {told === undefined && error === null && <p className={css.muted}>Looking at it…</p>}
        {told?.faults.map((fault) => (
          <p key={`${fault.line}:${fault.column} ${fault.problem}`} className={css.wrong}>
            Line {fault.line}, column {fault.column}: {fault.problem}; {fault.remedy}
          </p>
        ))}
        {told?.faults.length === 0 && <p className={css.good}>Nothing is wrong with it.</p>}
        {told?.notes.map((note) => (
          <p key={note} className={css.muted}>
            {note}
          </p>
        ))}
      </div>
    </div>
  );
}
