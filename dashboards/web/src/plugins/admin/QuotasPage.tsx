// What tenants may send and how much of it they have used, from the server's own telemetry.

import { Badge } from '../../components/Badge';
import { DataTable, type Column } from '../../components/DataTable';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { format, type Unit } from '../../format/number';
import { useMe } from '../../shell/me';
import { OwnMetric } from './OwnMetric';
import { SeenInSystem } from './parts';
import { quotaQuestion, quotasOf, type Quota, type QuotaRow } from './quotas';
import { Settings } from './Settings';
import { useRows } from './sql';

const ASK_EVERY_MS = 15_000;

export function QuotasPage() {
  const me = useMe();
  return (
    <Page title="Quotas">
      {me.tenant === 'system' ? (
        <Used />
      ) : (
        <Panel>
          <Empty title="What is used of quotas is seen in the tenant system" height={140}>
            <SeenInSystem>{me.tenants.includes('system') ? 'You may look at it.' : 'Ask those who run the server.'}</SeenInSystem>
          </Empty>
        </Panel>
      )}
      <Panel title="Where they are set">
        <Settings section="quotas" yaml={SETTINGS} />
      </Panel>
    </Page>
  );
}

const SETTINGS = `quotas:
  default:                       # what is left out has no limit
    bytes_per_day_max: 50000000000
    active_series_max: 1000000
    attribute_keys_max: 2000
  tenants:
    acme: {bytes_per_day_max: 200000000000}`;

const unitOf = (quota: Quota): Unit => (quota.quota.includes('bytes') ? 'bytes' : 'count');

const columns: Column<Quota>[] = [
  { id: 'tenant', name: 'Tenant', value: (quota) => quota.tenant, width: 'minmax(120px, 1fr)' },
  { id: 'quota', name: 'Quota', value: (quota) => quota.quota.replaceAll('_', ' '), width: 'minmax(140px, 1fr)' },
  { id: 'used', name: 'Used', unit: 'count', value: (quota) => quota.used, render: (quota) => format(quota.used, unitOf(quota)) },
  { id: 'limit', name: 'Of', unit: 'count', value: (quota) => quota.limit, render: (quota) => format(quota.limit, unitOf(quota)) },
  { id: 'share', name: 'Share', unit: 'share', value: (quota) => quota.share, render: (quota) => <Share of={quota.share} /> },
  { id: 'refused', name: 'Refused since the start', unit: 'count', value: (quota) => quota.refused, width: 'minmax(170px, 1fr)' },
];

function Share({ of: share }: { of: number | undefined }) {
  const told = format(share, 'share');
  if (share === undefined || share < 0.8) return told;
  return <Badge tone={share >= 1 ? 'error' : 'warning'}>{told}</Badge>;
}

function Used() {
  const rows = useRows<QuotaRow>(quotaQuestion, { refetchInterval: ASK_EVERY_MS });
  return (
    <>
      <Panel title="Used now" isFlush>
        <Answer query={rows} height={160} isEmpty={(all) => all.length === 0} empty={<Empty title="Nothing was counted against a quota" height={120}>A tenant with a quota is listed once it has sent something. Without one, everything is taken as long as there is room.</Empty>}>
          {(all) => <DataTable label="Quotas" rows={quotasOf(all)} columns={columns} keyOf={(quota) => `${quota.tenant} ${quota.quota}`} />}
        </Answer>
      </Panel>
      {rows.data !== undefined && rows.data.length > 0 && <OwnMetric title="Refused for a quota" metric="observatory.quota.refused" unit="count" function="max" by="tenant,quota" />}
    </>
  );
}
