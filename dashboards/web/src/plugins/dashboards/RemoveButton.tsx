// Takes away what was written in the app; what is below it, built in or a file, is there again.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import { failureFrom } from '../../api/failure';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Failed } from '../../components/states';
import css from './dashboards.module.css';

export function RemoveButton({ name, title }: { name: string; title: string }) {
  const [isAsked, setAsked] = useState(false);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: async () => {
      await api.DELETE('/api/v1/dashboards/{name}', { params: { path: { name } } });
      return isThere(name);
    },
    onSuccess: async (isStillThere) => {
      setAsked(false);
      if (!isStillThere) await navigate({ to: '/dashboards' });
      await queryClient.invalidateQueries({ queryKey: ['get'] });
    },
  });
  return (
    <>
      <Button onPress={() => { setAsked(true); }}>Remove</Button>
      <Dialog title={`Remove ${title}?`} isOpen={isAsked} onClose={() => { setAsked(false); }}>
        <div className={css.form}>
          <p>What was written here is gone for all of the tenant. Where a file or the program has a dashboard named “{name}”, that one is shown again.</p>
          {remove.error !== null && <Failed error={remove.error} />}
          <div className={css.buttons}>
            <Button kind="primary" isDisabled={remove.isPending} onPress={() => { remove.mutate(); }}>
              Remove
            </Button>
            <Button onPress={() => { setAsked(false); }}>Keep it</Button>
          </div>
        </div>
      </Dialog>
    </>
  );
}

async function isThere(name: string): Promise<boolean> {
  try {
    await api.GET('/api/v1/dashboards/{name}', { params: { path: { name } } });
    return true;
  } catch (thrown) {
    if (failureFrom(thrown).status === 404) return false;
    throw thrown;
  }
}
