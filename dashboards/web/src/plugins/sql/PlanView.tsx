// How the server answers a statement: its plan, and with ANALYZE what each step of it cost.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Select } from '../../components/fields';
import { Answer } from '../../components/states';
import { ask } from './ask';
import { measure, nanosOf, plansOf, type Plan, type PlanStep } from './plan';
import css from './sql.module.css';
import { useQuestion } from './useStatement';

const route = getRouteApi('/app/sql');

export function PlanView() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const isAnalyzed = search.analyze === true;
  const { key, asked } = useQuestion(search);
  const plan = useQuery({
    queryKey: ['sql', 'plan', isAnalyzed, ...key],
    staleTime: Infinity,
    retry: false,
    queryFn: async ({ signal }) => {
      const { statement } = asked();
      return plansOf(await ask({ ...statement, sql: `EXPLAIN ${isAnalyzed ? 'ANALYZE ' : ''}${statement.sql.replace(/^\s*EXPLAIN\s+(ANALYZE\s+)?/i, '')}` }, signal));
    },
  });
  return (
    <>
      <div className={css.choices}>
        <Select
          label="Shown"
          value={isAnalyzed ? 'analyze' : 'explain'}
          choices={[
            { value: 'explain', name: 'The plan' },
            { value: 'analyze', name: 'The plan, run and measured' },
          ]}
          onChange={(shown) => void navigate({ search: (before) => ({ ...before, analyze: shown === 'analyze' ? true : undefined }) })}
        />
      </div>
      <Answer query={plan} height={320}>
        {(plans) => plans.toReversed().map((each) => <PlanSteps key={each.name} plan={each} />)}
      </Answer>
    </>
  );
}

function PlanSteps({ plan }: { plan: Plan }) {
  const times = plan.steps.map((step) => nanosOf(measure(step, 'elapsed_compute')));
  const longest = Math.max(1, ...times);
  const isMeasured = plan.steps.some((step) => step.measures.length > 0);
  return (
    <section className={css.plan} aria-label={plan.name}>
      <h3>{plan.name}</h3>
      <ol className={css.steps}>
        {plan.steps.map((step, at) => (
          <li key={at} className={css.step}>
            <span className={css.operator} style={{ paddingLeft: step.depth * 18 }}>
              <b>{step.operator}</b> <span className={css.detail}>{step.detail}</span>
            </span>
            {isMeasured && <Cost step={step} part={(times[at] ?? 0) / longest} />}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Cost({ step, part }: { step: PlanStep; part: number }) {
  const others = step.measures.map(([name, value]) => `${name} ${value}`).join('\n');
  return (
    <span className={css.cost} title={others}>
      <span>{measure(step, 'output_rows') ?? '–'} rows</span>
      <span>{measure(step, 'elapsed_compute') ?? '–'}</span>
      <span className={css.meter} aria-hidden="true">
        <span style={{ width: `${100 * part}%` }} />
      </span>
    </span>
  );
}
