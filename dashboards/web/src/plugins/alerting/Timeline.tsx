// What happened, one below the other in the order of time.

import { useState, type ReactNode } from 'react';
import { Button } from '../../components/Button';
import { millis, useClock } from '../../format/time';
import css from './Timeline.module.css';

export interface Happening {
  id: string;
  at: string;
  what: ReactNode;
  who?: string | undefined;
  text?: string | undefined;
  tone?: 'good' | 'warning' | 'error' | 'accent' | undefined;
}

const SHOWN_MAX = 30;

export function Timeline({ happenings, isNewestFirst = false }: { happenings: readonly Happening[]; isNewestFirst?: boolean }) {
  const clock = useClock();
  const [isWhole, setWhole] = useState(false);
  const ordered = [...happenings].sort((one, other) => millis(one.at) - millis(other.at));
  if (isNewestFirst) ordered.reverse();
  const shown = isWhole ? ordered : ordered.slice(0, SHOWN_MAX);
  return (
    <>
      <ol className={css.timeline}>
        {shown.map((each) => (
          <li key={each.id} className={css.happening} data-tone={each.tone}>
            <time dateTime={each.at} title={clock.full(each.at)} className={css.time}>
              {clock.short(each.at)}
            </time>
            <div className={css.body}>
              <p className={css.what}>
                {each.what}
                {each.who !== undefined && <span className={css.who}> {each.who}</span>}
              </p>
              {each.text !== undefined && each.text !== '' && <p className={css.text}>{each.text}</p>}
            </div>
          </li>
        ))}
      </ol>
      {shown.length < ordered.length && <Button onPress={() => { setWhole(true); }}>{ordered.length - shown.length} more</Button>}
    </>
  );
}
