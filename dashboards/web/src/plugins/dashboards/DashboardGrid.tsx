// Rows of panels, twelve columns wide.

import { useMemo, type ReactNode } from 'react';
import type { Dashboard } from '../../api/schema';
import { AskingContext, type Asking } from './asking';
import css from './dashboards.module.css';
import { PanelFrame } from './PanelFrame';

/** In pixels, as documents of dashboards say it. */
const UNIT_HEIGHT = 40;

interface DashboardGridProps {
  dashboard: Dashboard;
  asking: Asking;
  /** The whole text that the dashboard is written as. */
  yaml: () => Promise<string>;
}

export function DashboardGrid({ dashboard, asking, yaml }: DashboardGridProps) {
  // Panels are counted through all rows, as the text has them.
  const rows = dashboard.rows.map((row, at) => ({ row, first: dashboard.rows.slice(0, at).reduce((sum, before) => sum + before.panels.length, 0) }));
  return (
    <AskingContext value={asking}>
      <div className={css.rows}>
        {rows.map(({ row, first }) => (
          <RowOfPanels key={first} title={row.title}>
            {row.panels.map((panel, at) => (
              <PanelFrame key={panel.id} panel={panel} height={row.height * UNIT_HEIGHT} yaml={() => yamlOf(yaml, first + at)} />
            ))}
          </RowOfPanels>
        ))}
      </div>
    </AskingContext>
  );
}

function RowOfPanels({ title, children }: { title: string | null | undefined; children: ReactNode }) {
  return (
    <section className={css.group} aria-label={title ?? undefined}>
      {title != null && <h2 className={css.rowTitle}>{title}</h2>}
      <div className={css.grid}>{children}</div>
    </section>
  );
}

/** The parser of YAML is loaded when it is needed. */
async function yamlOf(whole: () => Promise<string>, index: number): Promise<string> {
  const [text, { panelText }] = await Promise.all([whole(), import('./yaml')]);
  return panelText(text, index) ?? '';
}

/** The same object until something in it changes, so that charts are not drawn anew for nothing. */
export function useAskingOf({ name, version, range, chosen, refetchInterval }: Asking): Asking {
  const { from, to } = range;
  const chosenText = JSON.stringify(chosen);
  return useMemo(
    () => ({ name, version, range: { from, to }, chosen: JSON.parse(chosenText) as Record<string, string[]>, refetchInterval }),
    [name, version, from, to, chosenText, refetchInterval],
  );
}
