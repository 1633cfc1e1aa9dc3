// The frame of a page: its name, what can be done on it, and its parts below.

import type { ReactNode } from 'react';
import css from './Page.module.css';

interface PageProps {
  title: string;
  /** What the page belongs to: a link to the list that this is one of. */
  parent?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, parent, actions, children }: PageProps) {
  return (
    <div className={css.page}>
      <title>{`${title} · Observatory`}</title>
      <header className={css.header}>
        <h1>
          {parent !== undefined && (
            <>
              <span className={css.parent}>{parent}</span>
              <span className={css.slash} aria-hidden="true">
                /
              </span>
            </>
          )}
          {title}
        </h1>
        {actions !== undefined && <div className={css.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface PanelProps {
  title?: string;
  /** At the right of the title: a link, a switch. */
  actions?: ReactNode;
  /** Without space around the content, as tables want it. */
  isFlush?: boolean;
  children: ReactNode;
}

/** A part of a page. */
export function Panel({ title, actions, isFlush = false, children }: PanelProps) {
  return (
    <section className={css.panel} aria-label={title}>
      {title !== undefined && (
        <header className={css.head}>
          <h2>{title}</h2>
          {actions}
        </header>
      )}
      <div className={isFlush ? css.flush : css.body}>{children}</div>
    </section>
  );
}

/** Panels side by side, as many as there is room for: each at least `min` pixels wide. */
export function Grid({ min = 380, children }: { min?: number; children: ReactNode }) {
  return (
    <div className={css.grid} style={{ gridTemplateColumns: `repeat(auto-fit, minmax(min(100%, ${min}px), 1fr))` }}>
      {children}
    </div>
  );
}
