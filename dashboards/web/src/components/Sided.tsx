// What a page lists, with what narrows it down at its left. On narrow screens that stands behind a button.

import { useState, type ReactNode } from 'react';
import { Button } from './Button';
import css from './Sided.module.css';

interface SidedProps {
  /** What the side is, as `Fields`. */
  label: string;
  side: ReactNode;
  children: ReactNode;
}

export function Sided({ label, side, children }: SidedProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div className={css.sided}>
      <aside className={css.side} aria-label={label}>
        <div className={css.toggle}>
          <Button
            icon={isOpen ? 'up' : 'down'}
            aria-expanded={isOpen}
            onPress={() => {
              setOpen(!isOpen);
            }}
          >
            {label}
          </Button>
        </div>
        <div className={css.content} data-open={isOpen}>
          {side}
        </div>
      </aside>
      <div className={css.main}>{children}</div>
    </div>
  );
}
