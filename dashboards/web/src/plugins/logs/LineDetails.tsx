// All that a log line says, each field ready to be filtered by; and what was logged around it.

import { Link } from '@tanstack/react-router';
import type { LogLine } from '../../api/schema';
import { Button } from '../../components/Button';
import { Icon } from '../../components/Icon';
import { spread } from '../../format/json';
import { traceLink } from '../../shell/link';
import { LineContext } from './LineContext';
import css from './lines.module.css';
import { fieldsOf, type LineField } from './lines';

/** Lines before and after at first. */
const CONTEXT_LINES = 10;

interface LineDetailsProps {
  line: LogLine;
  onFilter: (name: string, value: string) => void;
  /** Counts the values of the field beside the list. */
  onCount: (name: string) => void;
  /** Lines before and after that are told; undefined where they are not. */
  context: number | undefined;
  onContext: (lines: number | undefined) => void;
}

export function LineDetails({ line, onFilter, onCount, context, onContext }: LineDetailsProps) {
  const shared = { onFilter, onCount };
  return (
    <>
      <pre className={css.whole}>{spread(line.body ?? '')}</pre>
      <div className={css.actions}>
        {line.trace_id != null && (
          <Link {...traceLink(line.trace_id, line.span_id)} className={css.trace}>
            Open its trace
          </Link>
        )}
        {line.service != null && (
          <Button
            aria-expanded={context !== undefined}
            onPress={() => {
              onContext(context === undefined ? CONTEXT_LINES : undefined);
            }}
          >
            {context === undefined ? 'Lines before and after' : 'Hide lines before and after'}
          </Button>
        )}
      </div>
      {context !== undefined && line.service != null && <LineContext line={line} service={line.service} lines={context} onLines={onContext} />}
      <div className={css.fields}>
        <Fields title="Record" fields={ownFields(line)} {...shared} />
        <Fields title="Attributes" fields={fieldsOf(line.attributes)} {...shared} />
        <Fields title="Resource" fields={fieldsOf(line.resource_attributes)} {...shared} />
      </div>
    </>
  );
}

/** Fields that are no attributes; those that the API does not filter by are told as they are. */
function ownFields(line: LogLine): (LineField & { isFixed?: boolean })[] {
  const fixed = (name: string, value: string | null | undefined) => ({ name, value, isFixed: true });
  const all = [
    fixed('time', line.time),
    fixed('observed_time', line.observed_time),
    { name: 'severity', value: line.severity },
    fixed('severity_text', line.severity_text),
    { name: 'service', value: line.service },
    { name: 'host', value: line.host },
    { name: 'environment', value: line.environment },
    fixed('scope', line.scope),
    fixed('event_name', line.event_name),
    { name: 'trace_id', value: line.trace_id },
    { name: 'span_id', value: line.span_id },
  ];
  return all.flatMap(({ value, ...rest }) => (value == null || value === '' ? [] : [{ ...rest, value }]));
}

interface FieldsProps {
  title: string;
  fields: readonly (LineField & { isFixed?: boolean })[];
  onFilter: (name: string, value: string) => void;
  onCount: (name: string) => void;
}

function Fields({ title, fields, onFilter, onCount }: FieldsProps) {
  if (fields.length === 0) return null;
  return (
    <section aria-label={title} className={css.group}>
      <h3>{title}</h3>
      <dl>
        {fields.map(({ name, value, isFixed = false }) => (
          <div key={name} className={css.field}>
            <dt title={name}>{name}</dt>
            <dd>
              <span className={css.value}>{value}</span>
              {!isFixed && (
                <span className={css.tools}>
                  <button type="button" aria-label={`Only ${name} ${value}`} title="Only lines with this" onClick={() => { onFilter(name, value); }}>
                    <Icon name="plus" />
                  </button>
                  <button type="button" aria-label={`Count values of ${name}`} title="Count its values" onClick={() => { onCount(name); }}>
                    <Icon name="chart" />
                  </button>
                </span>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
