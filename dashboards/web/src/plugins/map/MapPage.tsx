// Who calls whom: as a map, and as a list for narrow screens and for who does not see the map.

import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense, useSyncExternalStore } from 'react';
import { queries } from '../../api/client';
import type { ServiceMap } from '../../api/schema';
import { Button } from '../../components/Button';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty, Loading } from '../../components/states';
import { Tabs } from '../../components/Tabs';
import { exact } from '../../format/number';
import { useRange } from '../../range/useRange';
import { CallList } from './CallList';
import { NodeDetails } from './NodeDetails';
import css from './map.module.css';

const route = getRouteApi('/app/map');
const NARROW = '(max-width: 860px)';
const HEIGHT = 560;

// React Flow and dagre are large, and the list needs neither.
const CallMap = lazy(async () => ({ default: (await import('./CallMap')).CallMap }));

export function MapPage() {
  const { node, view: said } = route.useSearch();
  const navigate = route.useNavigate();
  const { query: range, live } = useRange();
  const isNarrow = useSyncExternalStore(watchNarrow, () => window.matchMedia(NARROW).matches);
  const view = said ?? (isNarrow ? 'list' : 'map');
  const answer = queries.useQuery('get', '/api/v1/apm/map', { params: { query: { ...range, from_node: node } } }, live);
  const focus = (id: string | undefined) => void navigate({ search: (before) => ({ ...before, node: id }), resetScroll: false });
  return (
    <Page title="Service map">
      <div className={css.page} data-open={node !== undefined}>
        <Panel isFlush>
          <Tabs
            label="Map or list"
            tabs={[
              { id: 'map', name: 'Map' },
              { id: 'list', name: 'List of calls', count: answer.data?.edges.length },
            ]}
            selected={view}
            onSelect={(next) => void navigate({ search: (before) => ({ ...before, view: next }) })}
          >
            {node !== undefined && <Focus node={nameOf(node, answer.data)} map={answer.data} onAll={() => { focus(undefined); }} />}
            <Answer query={answer} height={HEIGHT} isEmpty={(map) => map.nodes.length === 0} empty={<NothingCalls isFocused={node !== undefined} />}>
              {(map) =>
                view === 'list' ? (
                  <CallList map={map} />
                ) : (
                  <Suspense fallback={<Loading height={HEIGHT} />}>
                    <CallMap map={map} focused={node} onFocus={focus} />
                  </Suspense>
                )
              }
            </Answer>
          </Tabs>
        </Panel>
        {node !== undefined && answer.data !== undefined && <NodeDetails map={answer.data} id={node} onClose={() => { focus(undefined); }} />}
      </div>
    </Page>
  );
}

function Focus({ node, map, onAll }: { node: string; map: ServiceMap | undefined; onAll: () => void }) {
  return (
    <p className={css.focus}>
      <span>
        What is downstream of <strong>{node}</strong>
        {map !== undefined && `: ${exact(Math.max(0, map.nodes.length - 1))} others`}
      </span>
      <Button kind="quiet" onPress={onAll}>
        Show everything
      </Button>
    </p>
  );
}

function NothingCalls({ isFocused }: { isFocused: boolean }) {
  return (
    <Empty title={isFocused ? 'Nothing was heard of it in this range' : 'No calls in this range'} height={HEIGHT / 2}>
      Choose a longer range, or <Link to="/start">send telemetry</Link>.
    </Empty>
  );
}

function nameOf(id: string, map: ServiceMap | undefined): string {
  return map?.nodes.find((node) => node.id === id)?.name ?? id.replace(/^service:/, '');
}

function watchNarrow(listener: () => void): () => void {
  const media = window.matchMedia(NARROW);
  media.addEventListener('change', listener);
  return () => {
    media.removeEventListener('change', listener);
  };
}
