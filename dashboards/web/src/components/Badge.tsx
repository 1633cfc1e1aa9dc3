// A word that says how something is. The colour only repeats what the word says.

import type { ReactNode } from 'react';
import css from './Badge.module.css';

export type Tone = 'plain' | 'good' | 'warning' | 'error' | 'accent';

export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className={css.badge} data-tone={tone}>
      {children}
    </span>
  );
}
