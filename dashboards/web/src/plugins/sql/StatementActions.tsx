// What can be done with a statement: saved for all, its answer taken away, or pinned to a dashboard.

import { getRouteApi } from '@tanstack/react-router';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { download } from '../../components/download';
import { TextField } from '../../components/fields';
import { Menu } from '../../components/Menu';
import { Failed } from '../../components/states';
import { useMay } from '../../shell/me';
import { exported, FORMATS } from './ask';
import { PinDialog } from './PinDialog';
import css from './sql.module.css';
import type { Draft } from './SqlPage';
import { useQuestion } from './useStatement';

const route = getRouteApi('/app/sql');

export function StatementActions({ draft }: { draft: Draft }) {
  const [open, setOpen] = useState<'save' | 'pin'>();
  const maySave = useMay('dashboards:queries:write');
  const mayPin = useMay('dashboards:dashboard:write');
  const close = () => {
    setOpen(undefined);
  };
  return (
    <>
      <Export />
      {maySave && <Button onPress={() => { setOpen('save'); }}>Save</Button>}
      {mayPin && (
        <Button icon="pin" onPress={() => { setOpen('pin'); }}>
          Pin to a dashboard
        </Button>
      )}
      <Dialog title="Save the statement" isOpen={open === 'save'} onClose={close}>
        <SaveForm sql={draft.sql} onDone={close} />
      </Dialog>
      <Dialog title="Pin to a dashboard" isOpen={open === 'pin'} onClose={close}>
        <PinDialog draft={draft} />
      </Dialog>
    </>
  );
}

/** Asks again for the format, so that all rows are there, also those that a page does not keep. */
function Export() {
  const search = route.useSearch();
  const { asked } = useQuestion(search);
  const [error, setError] = useState<unknown>();
  const [abort, setAbort] = useState<AbortController>();
  const take = async ({ id, type }: (typeof FORMATS)[number]) => {
    const controller = new AbortController();
    setAbort(controller);
    try {
      download(await exported(asked().statement, type, controller.signal), `answer.${id}`);
    } catch (thrown) {
      if (!controller.signal.aborted) setError(thrown);
    } finally {
      setAbort(undefined);
    }
  };
  if (abort !== undefined) {
    return (
      <Button icon="stop" onPress={() => { abort.abort(); }}>
        Cancel the export
      </Button>
    );
  }
  return (
    <>
      <Menu label="Export as" groups={[{ entries: FORMATS.map((format) => ({ id: format.id, name: format.name, act: () => void take(format) })) }]}>
        <Button icon="download" isDisabled={search.sql === undefined}>
          Export
        </Button>
      </Menu>
      <Dialog title="Nothing was exported" isOpen={error !== undefined} onClose={() => { setError(undefined); }}>
        <Failed error={error} />
      </Dialog>
    </>
  );
}

function SaveForm({ sql, onDone }: { sql: string; onDone: () => void }) {
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const queryClient = useQueryClient();
  const save = useMutation({
    mutationFn: () => api.PUT('/api/v1/dashboards/queries/{name}', { params: { path: { name } }, body: { sql, description: description || null } }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['get', '/api/v1/dashboards/queries'] });
      onDone();
    },
  });
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <TextField label="Name" isRequired value={name} onChange={setName} description="One of this name that is there is written over" />
      <TextField label="What it is for" value={description} onChange={setDescription} />
      {save.error !== null && <Failed error={save.error} />}
      <Button kind="primary" type="submit" isDisabled={name.trim() === '' || save.isPending}>
        Save
      </Button>
    </form>
  );
}
