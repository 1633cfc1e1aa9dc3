// Signing in: with a password, which is replaced when it was made for the first time only, or elsewhere.

import { useQueryClient } from '@tanstack/react-query';
import { createRoute, useNavigate } from '@tanstack/react-router';
import { useState, type SubmitEvent } from 'react';
import { api, queries } from '../api/client';
import { failureFrom } from '../api/failure';
import { keepAccess } from '../api/session';
import { Button } from '../components/Button';
import { TextField } from '../components/fields';
import { Failed } from '../components/states';
import icon from './icon.svg';
import { rootRoute } from './routes';
import { text } from './search';
import css from './SignInPage.module.css';

const PASSWORD_LENGTH_MIN = 12;
/** Where the first owner belongs, and so whoever set up the server. */
const FIRST_TENANT = 'system';

export const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: (search: Record<string, unknown>): { return_to?: string; tenant?: string } => ({
    return_to: text(search.return_to),
    tenant: text(search.tenant),
  }),
  component: SignInPage,
});

function SignInPage() {
  const { tenant, return_to } = signInRoute.useSearch();
  const enter = useEnter(pathOf(return_to));
  return (
    <main className={css.page}>
      <title>Sign in · Observatory</title>
      <div className={css.card}>
        <h1 className={css.title}>
          <img src={icon} alt="" width="24" height="24" />
          Observatory
        </h1>
        <Password tenant={tenant} onSignedIn={enter} />
        <Elsewhere tenant={tenant ?? FIRST_TENANT} returnTo={pathOf(return_to)} />
      </div>
    </main>
  );
}

/** Goes on to where one wanted to be. */
function useEnter(path: string) {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  return async () => {
    queryClient.clear();
    await navigate({ to: path, replace: true });
  };
}

/** Only a path of this app: an address elsewhere in a link to here would lead who has just signed in astray. */
function pathOf(returnTo: string | undefined): string {
  return returnTo !== undefined && /^\/(?![/\\])/.test(returnTo) ? returnTo : '/';
}

function Password({ tenant, onSignedIn }: { tenant: string | undefined; onSignedIn: () => Promise<void> }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [newPassword, setNewPassword] = useState<string | undefined>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);

  const signIn = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const body = { email, password, cookies: true, tenant, new_password: newPassword };
      const { data } = await api.POST('/api/v1/hub/session', { body });
      if (data !== undefined) keepAccess(data);
      await onSignedIn();
    } catch (thrown) {
      if (failureFrom(thrown).code === 'password_change_needed' && newPassword === undefined) setNewPassword('');
      else setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void signIn();
  };

  return (
    <form className={css.form} onSubmit={submit}>
      <TextField label="E-mail" type="email" autoComplete="username" value={email} onChange={setEmail} isRequired />
      <TextField label="Password" type="password" autoComplete="current-password" value={password} onChange={setPassword} isRequired />
      {newPassword !== undefined && (
        <TextField
          label="New password"
          type="password"
          autoComplete="new-password"
          description={`That password was made for the first sign-in. Choose your own, ${PASSWORD_LENGTH_MIN} characters or more.`}
          value={newPassword}
          onChange={setNewPassword}
          isRequired
          // It is asked for by what was just sent, so it is what comes next.
          // eslint-disable-next-line jsx-a11y/no-autofocus
          autoFocus
          minLength={PASSWORD_LENGTH_MIN}
        />
      )}
      {error !== undefined && <Failed error={error} />}
      <Button kind="primary" type="submit" isPending={isBusy}>
        Sign in
      </Button>
    </form>
  );
}

/** Identity providers of the tenant; nothing where there are none. */
function Elsewhere({ tenant, returnTo }: { tenant: string; returnTo: string }) {
  const { data } = queries.useQuery('get', '/api/v1/hub/oidc/{tenant}', { params: { path: { tenant } } });
  if (data === undefined || data.providers.length === 0) return null;
  return (
    <ul className={css.elsewhere}>
      {data.providers.map((provider) => (
        <li key={provider.name}>
          <a className={css.provider} href={`/api/v1/hub/oidc/${tenant}/${provider.name}?return_to=${encodeURIComponent(returnTo)}`}>
            Sign in with {provider.title}
          </a>
        </li>
      ))}
    </ul>
  );
}
