// How soon incidents are answered and resolved, beside what is promised.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { api } from '../../../api/client';
import { Select } from '../../../components/fields';
import { Panel } from '../../../components/Page';
import { Stat, Stats } from '../../../components/Stat';
import { Answer } from '../../../components/states';
import { nameOf, targetOf, unitOf } from './figures';

const route = getRouteApi('/app/incidents');
const DAY_MS = 86_400_000;
const DAYS_USUAL = 30;
const PERIODS = [7, 30, 90, 365].map((days) => ({ value: String(days), name: `Last ${days} days` }));

export function IncidentFigures() {
  const { days = DAYS_USUAL } = route.useSearch();
  const navigate = route.useNavigate();
  const figures = useQuery({
    queryKey: ['figures of incidents', days],
    queryFn: async ({ signal }) => {
      const from = new Date(Date.now() - days * DAY_MS).toISOString();
      const { data } = await api.GET('/api/v1/alerting/incidents/figures', { params: { query: { from } }, signal });
      if (data === undefined) throw new Error('the server told no figures');
      return data;
    },
  });
  return (
    <Panel
      title="How incidents go"
      actions={<Select label="Of incidents opened in" isLabelHidden value={String(days)} choices={PERIODS} onChange={(next) => void navigate({ search: (search) => ({ ...search, days: Number(next) }), replace: true })} />}
    >
      <Answer query={figures} height={90}>
        {(answer) => (
          <Stats>
            <Stat label="Opened" value={answer.volume} unit="count" />
            {answer.figures.map((figure) => (
              <Stat key={figure.name} label={nameOf(figure)} value={figure.value} unit={unitOf(figure)} isWrong={figure.is_met === false} action={targetOf(figure.target, unitOf(figure))} />
            ))}
          </Stats>
        )}
      </Answer>
    </Panel>
  );
}
