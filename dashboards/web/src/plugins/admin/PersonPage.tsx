// One person: what they may do, where they are signed in, and what somebody who manages people can do about it.

import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, queries } from '../../api/client';
import type { PersonView, SessionView } from '../../api/schema';
import { Button } from '../../components/Button';
import { Fact, Facts } from '../../components/Facts';
import { TextField } from '../../components/fields';
import { Confirm, FormDialog } from '../../components/FormDialog';
import { Menu, type MenuEntry } from '../../components/Menu';
import { Grid, Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { useClock } from '../../format/time';
import { useMay, useMe } from '../../shell/me';
import css from './admin.module.css';
import { agentName } from './agent';
import { useHubChanged, useOpenSessions } from './hub';
import { RoleBadges, StateBadge } from './parts';
import { PersonAct, type Act } from './personActs';
import { RoleChoice } from './RoleChoice';
import { SessionTable } from './sessions';

const route = getRouteApi('/app/admin/people/$id');

export function PersonPage() {
  const { id } = route.useParams();
  const person = queries.useQuery('get', '/api/v1/hub/people/{id}', { params: { path: { id } } });
  return (
    <Page title={person.data?.email ?? 'Person'} parent={<Link to="/admin/people">People</Link>} actions={person.data !== undefined && <Acts person={person.data} />}>
      <Answer query={person} height={320}>
        {(answer) => (
          <>
            <Grid>
              <Panel title="Who">
                <Who person={answer} />
              </Panel>
              <Panel title="Roles" actions={<EditRoles person={answer} />}>
                <div className={css.stack}>
                  <RoleBadges roles={answer.roles} />
                  <p className={css.text}>
                    Groups may give further ones. What each allows stands in <Link to="/admin/roles">Roles</Link>.
                  </p>
                </div>
              </Panel>
            </Grid>
            <Sessions person={answer} />
          </>
        )}
      </Answer>
    </Page>
  );
}

function Who({ person }: { person: PersonView }) {
  const clock = useClock();
  return (
    <Facts>
      <Fact name="Name">{person.name === '' ? '–' : person.name}</Fact>
      <Fact name="State">
        <StateBadge state={person.status} />
      </Fact>
      <Fact name="Signs in with">{person.identity ?? 'password'}</Fact>
      <Fact name="Invited">{clock.full(person.made_at)}</Fact>
      <Fact name="Last changed">{clock.full(person.changed_at)}</Fact>
      <Fact name="Deeds">
        <Link to="/admin/audit" search={{ who: [person.email], from: 'now-30d', to: 'now' }}>
          In the audit trail of the last 30 days
        </Link>
      </Fact>
    </Facts>
  );
}

function Acts({ person }: { person: PersonView }) {
  const me = useMe();
  const mayChange = useMay('hub:people:write');
  const [act, setAct] = useState<Act | 'rename' | undefined>();
  const close = () => {
    setAct(undefined);
  };
  if (!mayChange) return null;
  const entry = (id: Act | 'rename', name: string): MenuEntry => ({ id, name, act: () => { setAct(id); } });
  const entries = [entry('rename', 'Change name'), entry('reset', 'New one-time password')];
  // Nobody locks themselves out by mistake: somebody else has to do it.
  if (person.id !== me.id) entries.push(person.status === 'suspended' ? entry('readmit', 'Let in again') : entry('suspend', 'Suspend'), entry('remove', 'Remove'));
  return (
    <>
      <Menu label={`What to do about ${person.email}`} groups={[{ entries }]}>
        <Button icon="down">Actions</Button>
      </Menu>
      {act === 'rename' && <Rename person={person} onClose={close} />}
      {act !== undefined && act !== 'rename' && <PersonAct act={act} person={person} onClose={close} />}
    </>
  );
}

function Rename({ person, onClose }: { person: PersonView; onClose: () => void }) {
  const changed = useHubChanged();
  const [name, setName] = useState(person.name);
  const rename = async () => {
    await api.PATCH('/api/v1/hub/people/{id}', { params: { path: { id: person.id } }, body: { name } });
    await changed();
  };
  return (
    <FormDialog title={`Name of ${person.email}`} act="Change" onAct={rename} onClose={onClose}>
      <TextField label="Name" value={name} onChange={setName} />
    </FormDialog>
  );
}

function EditRoles({ person }: { person: PersonView }) {
  const mayChange = useMay('hub:people:write');
  const [isOpen, setOpen] = useState(false);
  if (!mayChange) return null;
  return (
    <>
      <Button kind="quiet" onPress={() => { setOpen(true); }}>
        Change
      </Button>
      {isOpen && <Roles person={person} onClose={() => { setOpen(false); }} />}
    </>
  );
}

function Roles({ person, onClose }: { person: PersonView; onClose: () => void }) {
  const changed = useHubChanged();
  const [roles, setRoles] = useState<string[]>(person.roles);
  const save = async () => {
    await api.PATCH('/api/v1/hub/people/{id}', { params: { path: { id: person.id } }, body: { roles } });
    await changed();
  };
  return (
    <FormDialog title={`Roles of ${person.email}`} act="Save" onAct={save} onClose={onClose}>
      <RoleChoice chosen={roles} onChange={setRoles} />
      <p className={css.text}>It counts with their next request.</p>
    </FormDialog>
  );
}

function Sessions({ person }: { person: PersonView }) {
  const mayRead = useMay('hub:sessions:read');
  const mayEnd = useMay('hub:sessions:write');
  const sessions = useOpenSessions(person.id, mayRead);
  const [ending, setEnding] = useState<SessionView | 'all' | undefined>();
  if (!mayRead) return null;
  const count = sessions.data?.length ?? 0;
  return (
    <Panel
      title="Where they are signed in"
      isFlush
      actions={
        mayEnd &&
        count > 0 && (
          <Button kind="quiet" onPress={() => { setEnding('all'); }}>
            End all sessions
          </Button>
        )
      }
    >
      <Answer query={sessions} height={96} isEmpty={(open) => open.length === 0} empty={<Empty title="Nowhere" height={96} />}>
        {(open) => <SessionTable sessions={open} onEnd={mayEnd ? setEnding : undefined} />}
      </Answer>
      {ending === 'all' && <EndAll person={person} onClose={() => { setEnding(undefined); }} />}
      {ending !== undefined && ending !== 'all' && <EndSession session={ending} person={person} onClose={() => { setEnding(undefined); }} />}
    </Panel>
  );
}

function EndSession({ session, person, onClose }: { session: SessionView; person: PersonView; onClose: () => void }) {
  const changed = useHubChanged();
  const end = async () => {
    await api.DELETE('/api/v1/hub/sessions/{id}', { params: { path: { id: session.id } } });
    await changed();
  };
  return (
    <Confirm title="End the session" act="End it" onAct={end} onClose={onClose}>
      <p>
        {person.email} is out at once in {agentName(session.agent)}, and can sign in again. Suspend them to keep them out.
      </p>
    </Confirm>
  );
}

function EndAll({ person, onClose }: { person: PersonView; onClose: () => void }) {
  const changed = useHubChanged();
  const isOneself = useMe().id === person.id;
  const end = async () => {
    await (isOneself ? api.DELETE('/api/v1/hub/me/sessions') : api.DELETE('/api/v1/hub/people/{id}/sessions', { params: { path: { id: person.id } } }));
    await changed();
  };
  return (
    <Confirm title="End all sessions" act="End them" onAct={end} onClose={onClose}>
      <p>{person.email} is out at once everywhere, and can sign in again. Suspend them to keep them out.</p>
      {isOneself && <p>The session that you do this in goes on.</p>}
    </Confirm>
  );
}
