// What the same service, host and instance logged before and after a line.

import { queries } from '../../api/client';
import type { LogLine } from '../../api/schema';
import { Button } from '../../components/Button';
import { Answer } from '../../components/states';
import { useClock } from '../../format/time';
import css from './lines.module.css';
import { keyed } from './lines';
import { LineHead } from './LineRow';

/** Most that the server tells of each side. */
const LINES_MAX = 200;
const STEP = 4;

interface LineContextProps {
  line: LogLine;
  service: string;
  /** So many before, and so many after. */
  lines: number;
  onLines: (lines: number) => void;
}

export function LineContext({ line, service, lines, onLines }: LineContextProps) {
  const clock = useClock();
  const { time, observed_time, instance, host } = line;
  const query = { time, observed_time: observed_time ?? undefined, service, instance: instance ?? undefined, host: host ?? undefined, lines };
  const around = queries.useQuery('get', '/api/v1/apm/logs/context', { params: { query } });
  return (
    <section className={css.context} aria-label="Lines before and after">
      <Answer query={around} height={200}>
        {({ before, at, after }) => (
          <div>
            {keyed([...before, ...at, ...after]).map(({ key, line: each }, place) => (
              <div key={key} className={css.around} data-here={place >= before.length && place < before.length + at.length}>
                <LineHead line={each} clock={clock} isWrapped={false} />
              </div>
            ))}
          </div>
        )}
      </Answer>
      {lines < LINES_MAX && (
        <Button
          kind="quiet"
          onPress={() => {
            onLines(Math.min(LINES_MAX, lines * STEP));
          }}
        >
          More of them
        </Button>
      )}
    </section>
  );
}
