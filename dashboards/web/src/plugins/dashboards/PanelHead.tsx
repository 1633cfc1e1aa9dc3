// The name of a panel, and at its right what can be done with it.

import type { ReactNode } from 'react';
import type { Panel } from '../../api/schema';
import css from './dashboards.module.css';

export function PanelHead({ panel, actions }: { panel: Panel; actions: ReactNode }) {
  return (
    <header className={css.panelHead}>
      <h3 title={panel.description ?? undefined}>{panel.title}</h3>
      {actions}
    </header>
  );
}
