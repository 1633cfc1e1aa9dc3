// What tenants may send and how much of it they have used.

import { queries } from '../../api/client';
import type { Quota } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { DataTable, type Column } from '../../components/DataTable';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { format, type Unit } from '../../format/number';
import { useMe } from '../../shell/me';
import { OwnMetric } from './OwnMetric';
import { SeenInSystem } from './parts';
import { Settings } from './Settings';

const ASK_EVERY_MS = 15_000;

export function QuotasPage() {
  const me = useMe();
  return (
    <Page title="Quotas">
      <Used isOfAll={me.tenant === 'system'} />
      <Panel title="Where they are set">
        <Settings section="quotas" yaml={SETTINGS} />
      </Panel>
      <SeenInSystem>These are of your tenant. In the tenant system they are of all.</SeenInSystem>
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

/** Of the limit, from 0 on; a limit is never 0. */
const shareOf = ({ used, limit }: Quota): number => used / limit;

const whoseColumn: Column<Quota> = { id: 'tenant', name: 'Tenant', value: (quota) => quota.tenant, width: 'minmax(120px, 1fr)' };

const columns: Column<Quota>[] = [
  { id: 'quota', name: 'Quota', value: (quota) => quota.quota.replaceAll('_', ' '), width: 'minmax(140px, 1fr)' },
  { id: 'used', name: 'Used', unit: 'count', value: (quota) => quota.used, render: (quota) => format(quota.used, unitOf(quota)) },
  { id: 'limit', name: 'Of', unit: 'count', value: (quota) => quota.limit, render: (quota) => format(quota.limit, unitOf(quota)) },
  { id: 'share', name: 'Share', unit: 'share', value: shareOf, render: (quota) => <Share of={shareOf(quota)} /> },
  { id: 'refused', name: 'Refused since the start', unit: 'count', value: (quota) => quota.refused, width: 'minmax(170px, 1fr)' },
];

function Share({ of: share }: { of: number }) {
  const told = format(share, 'share');
  if (share < 0.8) return told;
  return <Badge tone={share >= 1 ? 'error' : 'warning'}>{told}</Badge>;
}

function Used({ isOfAll }: { isOfAll: boolean }) {
  const used = queries.useQuery('get', '/api/v1/system/quotas', {}, { refetchInterval: ASK_EVERY_MS });
  return (
    <>
      <Panel title="Used now" isFlush>
        <Answer query={used} height={160} isEmpty={({ quotas }) => quotas.length === 0} empty={<NoQuota isOfAll={isOfAll} />}>
          {({ quotas }) => (
            <DataTable
              label="Quotas"
              rows={quotas.toSorted((one, other) => shareOf(other) - shareOf(one))}
              columns={isOfAll ? [whoseColumn, ...columns] : columns}
              keyOf={(quota) => `${quota.tenant} ${quota.quota}`}
            />
          )}
        </Answer>
      </Panel>
      {isOfAll && used.data !== undefined && used.data.quotas.length > 0 && <OwnMetric title="Refused for a quota" metric="observatory.quota.refused" unit="count" function="max" by="tenant,quota" />}
    </>
  );
}

function NoQuota({ isOfAll }: { isOfAll: boolean }) {
  return (
    <Empty title={isOfAll ? 'Nothing was counted against a quota' : 'This tenant has no quota'} height={120}>
      {isOfAll && 'A tenant with a quota is listed once it has sent something. '}Without one, everything is taken as long as there is room.
    </Empty>
  );
}
