// One entry of the audit trail, with all that it says.

import type { ReactNode } from 'react';
import { Dialog } from '../../components/Dialog';
import { Snippet } from '../../components/Snippet';
import { Answer, Empty } from '../../components/states';
import { spread } from '../../format/json';
import { useClock } from '../../format/time';
import { useMe } from '../../shell/me';
import css from './admin.module.css';
import { entryQuestion, type AuditRow } from './audit';
import { TenantLink } from './parts';
import { useRows } from './sql';

export function AuditEntry({ sequence, onClose }: { sequence: number; onClose: () => void }) {
  const entry = useRows<AuditRow>(entryQuestion(sequence));
  return (
    <Dialog title={`Entry ${sequence}`} isOpen onClose={onClose}>
      <Answer query={entry} height={240} isEmpty={(rows) => rows.length === 0} empty={<Empty title={`There is no entry ${sequence}`} height={120} />}>
        {([row]) => row !== undefined && <Told row={row} />}
      </Answer>
    </Dialog>
  );
}

function Told({ row }: { row: AuditRow }) {
  const clock = useClock();
  const facts: [string, ReactNode][] = [
    ['When', clock.full(row.time)],
    ['Who', <>{row.who_name} <span className={css.muted}>{row.who}</span></>],
    ['What', row.action],
    ['Of', row.subject],
    ['From', [row.address, row.agent].filter((each) => each !== null).join(', ') || '–'],
    ['Trace', row.trace_id === null ? '–' : <Trace id={row.trace_id} />],
    ['Hash', <span className={css.mono}>{row.hash}</span>],
    ['Of the one before', <span className={css.mono}>{row.previous}</span>],
  ];
  return (
    <div className={css.stack}>
      <dl className={css.facts}>
        {facts.map(([name, told]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{told}</dd>
          </div>
        ))}
      </dl>
      <div className={css.wide}>
        <Snippet label="Details" text={spread(row.details)} />
      </div>
    </div>
  );
}

/** Requests to the server are traces of the tenant `system`. */
function Trace({ id }: { id: string }) {
  const isSeen = useMe().tenants.includes('system');
  return isSeen ? (
    <TenantLink tenant="system" path={`/traces/${id}`}>
      {id}
    </TenantLink>
  ) : (
    id
  );
}
