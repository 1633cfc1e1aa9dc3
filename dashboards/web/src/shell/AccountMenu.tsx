// Who is signed in, in which tenant, and what they prefer.

import { useNavigate } from '@tanstack/react-router';
import { Button as AriaButton } from 'react-aria-components';
import { useQueryClient } from '@tanstack/react-query';
import { api } from '../api/client';
import { forgetAccess } from '../api/session';
import { Icon } from '../components/Icon';
import { Menu, type MenuGroup } from '../components/Menu';
import { prefer, usePreferences, type Theme } from '../preferences/preferences';
import css from './AccountMenu.module.css';
import { useMe } from './me';

const THEMES: { theme: Theme; name: string }[] = [
  { theme: 'system', name: 'Theme of the system' },
  { theme: 'light', name: 'Light' },
  { theme: 'dark', name: 'Dark' },
];

export function AccountMenu() {
  const me = useMe();
  const { theme, zone } = usePreferences();
  const navigate = useNavigate();
  const signOut = useSignOut();
  const isAnonymous = me.kind === 'anonymous';
  const groups: MenuGroup[] = [
    {
      title: 'Times',
      entries: [
        { id: 'local', name: 'By this browser', isChosen: zone === 'local', act: () => { prefer({ zone: 'local' }); } },
        { id: 'utc', name: 'UTC', isChosen: zone === 'utc', act: () => { prefer({ zone: 'utc' }); } },
      ],
    },
    {
      title: 'Look',
      entries: THEMES.map((each) => ({ id: each.theme, name: each.name, isChosen: each.theme === theme, act: () => { prefer({ theme: each.theme }); } })),
    },
    {
      entries: [
        ...(me.kind === 'person' ? [{ id: 'account', name: 'Password and sessions', act: () => void navigate({ to: '/account' }) }] : []),
        { id: 'leave', name: isAnonymous ? 'Sign in' : 'Sign out', act: () => void signOut() },
      ],
    },
  ];
  if (me.tenants.length > 1) {
    groups.unshift({
      title: 'Tenant',
      entries: me.tenants.map((name) => ({ id: `tenant ${name}`, name, isChosen: name === me.tenant, act: () => { openTenant(name); } })),
    });
  }
  return (
    <Menu label="Account and preferences" groups={groups} placement="top start">
      <AriaButton className={css.account ?? ''} aria-label={`Account and preferences of ${me.name}, tenant ${me.tenant}`}>
        <Icon name="person" />
        <span className={css.names}>
          <span className={css.name}>{isAnonymous ? 'Not signed in' : me.name}</span>
          <span className={css.tenant}>{me.tenant}</span>
        </span>
      </AriaButton>
    </Menu>
  );
}

/** Another tenant is another page, so that no answer of the one is shown in the other. */
function openTenant(name: string): void {
  window.location.assign(`/?tenant=${encodeURIComponent(name)}`);
}

function useSignOut() {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  return async () => {
    // A session that is over already is as good as one that was ended.
    await api.DELETE('/api/v1/hub/session').catch(() => undefined);
    forgetAccess();
    queryClient.clear();
    await navigate({ to: '/sign-in' });
  };
}
