// What happened, one below the other in the order of time.

import type { ReactNode } from 'react';
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

export function Timeline({ happenings }: { happenings: readonly Happening[] }) {
  const clock = useClock();
  const ordered = [...happenings].sort((one, other) => millis(one.at) - millis(other.at));
  return (
    <ol className={css.timeline}>
      {ordered.map((each) => (
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
  );
}
