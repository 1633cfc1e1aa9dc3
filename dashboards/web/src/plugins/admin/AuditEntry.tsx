// One entry of the audit trail, with all that it says.

import { Dialog } from '../../components/Dialog';
import { Fact, Facts } from '../../components/Facts';
import { Snippet } from '../../components/Snippet';
import { Answer, Empty } from '../../components/states';
import { spread } from '../../format/json';
import { useClock } from '../../format/time';
import css from './admin.module.css';
import { entryQuestion, type AuditRow } from './audit';
import { TraceOfServer } from './parts';
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
  return (
    <div className={css.stack}>
      <Facts>
        <Fact name="When">{clock.full(row.time)}</Fact>
        <Fact name="Who">
          {row.who_name} <span className={css.muted}>{row.who}</span>
        </Fact>
        <Fact name="What">{row.action}</Fact>
        <Fact name="Of">{row.subject}</Fact>
        <Fact name="From">{[row.address, row.agent].filter((each) => each !== null).join(', ') || '–'}</Fact>
        <Fact name="Trace">{row.trace_id === null ? '–' : <TraceOfServer id={row.trace_id} />}</Fact>
        <Fact name="Hash">
          <span className={css.mono}>{row.hash}</span>
        </Fact>
        <Fact name="Of the one before">
          <span className={css.mono}>{row.previous}</span>
        </Fact>
      </Facts>
      <div className={css.wide}>
        <Snippet label="Details" text={spread(row.details)} />
      </div>
    </div>
  );
}
