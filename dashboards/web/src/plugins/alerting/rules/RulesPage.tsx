// All rules: whether they can be evaluated, what they find, and where they stand.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { api, queries } from '../../../api/client';
import type { RuleView } from '../../../api/schema';
import { Badge } from '../../../components/Badge';
import { Button } from '../../../components/Button';
import { DataTable, type Column } from '../../../components/DataTable';
import { download } from '../../../components/download';
import { TextField } from '../../../components/fields';
import { Menu } from '../../../components/Menu';
import { Page, Panel } from '../../../components/Page';
import { Answer, Empty, Failed } from '../../../components/states';
import { useMay } from '../../../shell/me';
import { TEMPLATES } from '..';
import css from '../alerting.module.css';
import { WATCHED } from '../change';
import { SeverityMark } from '../marks';
import { allRules } from './allRules';
import { NewRule } from './NewRule';
import { RuleFiles } from './RuleFiles';
import { TEMPLATE_NAMES } from './templates';

const route = getRouteApi('/app/rules');
const ALERTS_MAX = 1000;
const ROWS_SHOWN = 18;
const HEIGHT_MAX = 33 * (ROWS_SHOWN + 1);

export function RulesPage() {
  const { template } = route.useSearch();
  return template === undefined ? <RuleList /> : <NewRule key={template} template={template} />;
}

function RuleList() {
  const { text } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMay('alerting:rules:write');
  const rules = useQuery({ ...allRules(), ...WATCHED });
  const filter = (words: string) => void navigate({ search: (search) => ({ ...search, text: words === '' ? undefined : words }), replace: true });
  const templates = TEMPLATES.map((id) => ({ id, ...TEMPLATE_NAMES[id], act: () => void navigate({ search: { template: id } }) }));
  const begin = mayWrite && (
    <Menu label="New rule" groups={[{ title: 'Begin with', entries: templates }]}>
      <Button kind="primary" icon="plus">
        New rule
      </Button>
    </Menu>
  );
  return (
    <Page
      title="Rules"
      actions={
        rules.data?.length !== 0 && (
          <>
            <div className={css.filter}>
              <TextField aria-label="Only rules with this in their name, kind or file" placeholder="Filter by name, kind or file" value={text ?? ''} onChange={filter} />
            </div>
            <Export />
            {begin}
          </>
        )
      }
    >
      <RuleFiles />
      <Panel isFlush>
        <Answer query={rules} height={400} isEmpty={(all) => all.length === 0} empty={<NoRules begin={begin} />}>
          {(all) => <RuleTable rules={all.filter((rule) => `${rule.name} ${rule.kind} ${rule.file ?? 'API'}`.toLowerCase().includes((text ?? '').toLowerCase()))} />}
        </Answer>
      </Panel>
    </Page>
  );
}

function RuleTable({ rules }: { rules: RuleView[] }) {
  const firing = queries.useQuery('get', '/api/v1/alerting/alerts', { params: { query: { limit: ALERTS_MAX } } }, { ...WATCHED, enabled: useMay('alerting:alerts:read') });
  const firingOf = (rule: RuleView) => firing.data?.alerts.filter((alert) => alert.rule === rule.name).length;
  const columns: Column<RuleView>[] = [
    { id: 'name', name: 'Rule', value: (rule) => rule.name, width: 'minmax(200px, 3fr)' },
    { id: 'health', name: 'Health', value: healthOf, width: 'minmax(110px, 2fr)', render: (rule) => <Health rule={rule} /> },
    { id: 'firing', name: 'Firing', unit: 'count', value: firingOf, width: '80px', render: (rule) => <Firing rule={rule.name} count={firingOf(rule)} /> },
    { id: 'severity', name: 'Severity', value: (rule) => rule.severity, width: '100px', render: ({ severity }) => <SeverityMark severity={severity} /> },
    { id: 'kind', name: 'Asks', value: (rule) => rule.kind, width: '90px' },
    { id: 'interval', name: 'Every', unit: 's', value: (rule) => rule.interval_seconds, width: '90px' },
    { id: 'origin', name: 'Stands in', value: (rule) => rule.file ?? 'API', width: 'minmax(150px, 2fr)' },
  ];
  return (
    <DataTable
      label="Rules"
      rows={rules}
      columns={columns}
      keyOf={(rule) => rule.name}
      linkOf={(rule) => ({ to: '/rules/$name', params: { name: rule.name } })}
      {...(rules.length > ROWS_SHOWN ? { height: HEIGHT_MAX } : {})}
    />
  );
}

function healthOf(rule: RuleView): string {
  if (!rule.enabled) return 'off';
  return rule.error == null ? 'fine' : 'failing';
}

function Health({ rule }: { rule: RuleView }) {
  if (!rule.enabled) return <Badge>off</Badge>;
  if (rule.error == null) return <Badge tone="good">fine</Badge>;
  return (
    <span title={rule.error}>
      <Badge tone="error">failing</Badge> {rule.error}
    </span>
  );
}

function Firing({ rule, count }: { rule: string; count: number | undefined }) {
  if (count === undefined || count === 0) return <span className={css.muted}>{count ?? '–'}</span>;
  return (
    <Link to="/alerts" search={{ rule }} className={css.wrong}>
      {count}
    </Link>
  );
}

function NoRules({ begin }: { begin: ReactNode }) {
  return (
    <Empty title="There are no rules yet" height={240} act={begin}>
      Make one here, or put files into the directory that <code>alerting.directory</code> names.
    </Empty>
  );
}

/** All rules as one file. */
function Export() {
  const [error, setError] = useState<unknown>();
  const save = async () => {
    setError(undefined);
    try {
      const { data } = await api.GET('/api/v1/alerting/rules/export', { parseAs: 'text' });
      download(new Blob([data ?? ''], { type: 'application/yaml' }), 'rules.yaml');
    } catch (thrown) {
      setError(thrown);
    }
  };
  return (
    <>
      <Button onPress={() => void save()}>Export</Button>
      {error !== undefined && <Failed error={error} />}
    </>
  );
}
