// Small parts that several pages of administration share.

import { useLocation } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Badge, type Tone } from '../../components/Badge';
import { useMe } from '../../shell/me';
import { stringifySearch } from '../../shell/search';
import css from './admin.module.css';

export function RoleBadges({ roles }: { roles: readonly string[] }) {
  if (roles.length === 0) return <span className={css.muted}>none</span>;
  return (
    <span className={css.badges}>
      {roles.map((role) => (
        <Badge key={role}>{role}</Badge>
      ))}
    </span>
  );
}

const TONES: Record<string, Tone> = { active: 'good', invited: 'accent', suspended: 'error' };

/** How a person or a tenant is. */
export function StateBadge({ state }: { state: string }) {
  return <Badge tone={TONES[state] ?? 'plain'}>{state}</Badge>;
}

/** The page in another tenant; a whole page load, as nothing of one tenant is shown in the other. */
export function TenantLink({ tenant, path, children }: { tenant: string; path: string; children: ReactNode }) {
  return <a href={`${path}?tenant=${encodeURIComponent(tenant)}`}>{children}</a>;
}

/** Requests to the server are traces of the tenant `system`. */
export function TraceOfServer({ id }: { id: string }) {
  const isSeen = useMe().tenants.includes('system');
  return isSeen ? (
    <TenantLink tenant="system" path={`/traces/${id}`}>
      {id}
    </TenantLink>
  ) : (
    id
  );
}

/** For those who run the server and look at another tenant than `system`: where the server itself is seen. */
export function SeenInSystem({ children }: { children: ReactNode }) {
  const me = useMe();
  const { pathname, search } = useLocation();
  if (me.tenant === 'system') return null;
  return (
    <p className={css.text}>
      {children}{' '}
      {me.tenants.includes('system') && (
        <a href={`${pathname}${stringifySearch({ ...search, tenant: 'system' })}`}>Open it there</a>
      )}
    </p>
  );
}
