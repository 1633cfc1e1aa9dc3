// A panel on its place: asked, drawn by its kind, or with what keeps it from that.

import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, type ComponentType } from 'react';
import type { Panel, PanelAnswer, PanelKind } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Menu, type MenuEntry } from '../../components/Menu';
import { Snippet } from '../../components/Snippet';
import { Answer, Empty, Failed, Loading } from '../../components/states';
import { timeOf } from '../../range/range';
import { addressLink } from '../../shell/link';
import { useMay } from '../../shell/me';
import { useAsking, usePanel } from './asking';
import css from './dashboards.module.css';
import { filledIn, workbenchSql } from './model';
import { PanelHead } from './PanelHead';
import { GaugePanel, StatPanel } from './panels/figures';
import { MapPanel } from './panels/MapPanel';
import { BarPanel, HeatMapPanel, TimeSeries, type DrawnPanel } from './panels/series';
import { LogsPanel, TablePanel, TracesPanel } from './panels/tables';

const MarkdownPanel = lazy(() => import('./panels/MarkdownPanel').then((module) => ({ default: module.MarkdownPanel })));

const DRAWN: Record<Exclude<PanelKind, 'markdown'>, ComponentType<DrawnPanel>> = {
  time_series: TimeSeries,
  bar: BarPanel,
  stat: StatPanel,
  gauge: GaugePanel,
  table: TablePanel,
  heat_map: HeatMapPanel,
  map: MapPanel,
  logs: LogsPanel,
  traces: TracesPanel,
};

/** In pixels, of the frame and the space inside it. */
const FRAME = 14;

interface PanelFrameProps {
  panel: Panel;
  /** In pixels, with its frame. */
  height: number;
  /** As it is written. */
  yaml: () => Promise<string>;
}

export function PanelFrame({ panel, height, yaml }: PanelFrameProps) {
  return (
    <section className={css.panel} style={{ height, gridColumn: `span ${panel.width}` }} aria-label={panel.title} data-kind={panel.kind}>
      {panel.kind === 'markdown' ? <Text panel={panel} yaml={yaml} /> : <Asked panel={panel} height={height - FRAME} yaml={yaml} />}
    </section>
  );
}

function Text({ panel, yaml }: Omit<PanelFrameProps, 'height'>) {
  return (
    <>
      <PanelHead panel={panel} actions={<PanelMenu panel={panel} yaml={yaml} answer={undefined} />} />
      <div className={css.scrolled}>
        <Suspense fallback={<Loading height={40} />}>
          <MarkdownPanel panel={panel} />
        </Suspense>
      </div>
    </>
  );
}

function Asked({ panel, height, yaml }: PanelFrameProps) {
  const query = usePanel(panel);
  const Drawn = DRAWN[panel.kind as Exclude<PanelKind, 'markdown'>];
  const actions = <PanelMenu panel={panel} yaml={yaml} answer={query.data} />;
  const hasRows = query.data !== undefined && query.data.rows.length > 0;
  return (
    <div className={css.asked}>
      {!hasRows && <PanelHead panel={panel} actions={actions} />}
      <Answer query={query} height={height - 34} isEmpty={(answer) => answer.rows.length === 0} empty={<Empty title="No data in this range" height={height - 40} />}>
        {(answer) => (
          <div className={css.drawn}>
            <Drawn panel={panel} answer={answer} height={height} actions={hasRows ? actions : null} />
            {answer.is_truncated && <p className={css.note}>Only the first {answer.rows.length} rows are shown.</p>}
          </div>
        )}
      </Answer>
    </div>
  );
}

interface PanelMenuProps {
  panel: Panel;
  yaml: () => Promise<string>;
  answer: PanelAnswer | undefined;
}

function PanelMenu({ panel, yaml, answer }: PanelMenuProps) {
  const text = useMutation({ mutationFn: yaml });
  const navigate = useNavigate();
  const { chosen, range } = useAsking();
  const mayAsk = useMay('telemetry:rows:read');
  const go = (url: string) => {
    if (url.startsWith('/')) void navigate(addressLink(url));
    else window.open(url, '_blank', 'noreferrer');
  };
  const links = (panel.links ?? []).map((link): MenuEntry => ({ id: `link ${link.title}`, name: link.title, act: () => { go(filledIn(link.url, chosen)); } }));
  const times = answer ?? { from: timeText(range.from), to: timeText(range.to), interval_seconds: 60 };
  const asked: MenuEntry[] = [];
  if (panel.sql != null && mayAsk) asked.push({ id: 'sql', name: 'Open in SQL', act: () => { go(`/sql?${new URLSearchParams({ sql: workbenchSql(panel.sql ?? '', times, chosen) }).toString()}`); } });
  if (panel.metric != null) asked.push({ id: 'metric', name: 'Open in metrics', act: () => { go(`/metrics?${metricSearch(panel, chosen)}`); } });
  asked.push({ id: 'yaml', name: 'Show its YAML', act: () => { text.mutate(); } });
  return (
    <>
      <Menu label={`More of ${panel.title}`} groups={links.length === 0 ? [{ entries: asked }] : [{ entries: links }, { entries: asked }]}>
        <Button kind="quiet" icon="more" aria-label={`More of ${panel.title}`} />
      </Menu>
      <Dialog title={panel.title} isOpen={text.isSuccess || text.isError} onClose={text.reset}>
        {text.isError ? <Failed error={text.error} /> : <Snippet label={`YAML of ${panel.title}`} text={text.data ?? ''} />}
      </Dialog>
    </>
  );
}

function timeText(time: string): string {
  return new Date(timeOf(time) ?? Date.now()).toISOString();
}

/** As the page of metrics takes it. */
function metricSearch({ metric }: Panel, chosen: Readonly<Record<string, readonly string[]>>): string {
  const params = new URLSearchParams({ metric: metric?.name ?? '', function: metric?.function ?? '' });
  metric?.by?.forEach((label) => { params.append('by', label); });
  for (const [label, value] of Object.entries(metric?.filter ?? {})) {
    const values = value.startsWith('$') ? (chosen[value.slice(1)] ?? []) : [value];
    values.forEach((each) => { params.append('filter', `${label}=${each}`); });
  }
  return params.toString();
}
