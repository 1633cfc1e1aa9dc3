// The simulated shop, for whoever has nothing to send yet: one button, and what it does until it is ended.

import { useMutation } from '@tanstack/react-query';
import { api, queries } from '../../api/client';
import { Button } from '../../components/Button';
import { Answer, Failed } from '../../components/states';
import type { Demo as DemoState } from '../../api/schema';
import { count } from '../../format/number';
import { useClock, type Clock } from '../../format/time';
import { useMay } from '../../shell/me';
import css from './StartPage.module.css';

const PATH = '/api/v1/system/demo';
const LOOK_EVERY_MS = 2000;

export function Demo() {
  const demo = queries.useQuery('get', PATH, {}, { refetchInterval: LOOK_EVERY_MS, staleTime: 0 });
  return (
    <Answer query={demo} height={64}>
      {(state) => <Playing state={state} onChange={() => void demo.refetch()} />}
    </Answer>
  );
}

function Playing({ state, onChange }: { state: DemoState; onChange: () => void }) {
  const clock = useClock();
  const mayWrite = useMay('telemetry:rows:write');
  const change = useMutation({
    mutationFn: async () => {
      await (state.is_playing ? api.DELETE(PATH) : api.POST(PATH));
    },
    onSettled: onChange,
  });
  return (
    <div>
      <p className={css.text} role="status">
        {said(state, clock)}
      </p>
      {change.isError && <Failed error={change.error} />}
      {mayWrite ? (
        <Button kind={state.is_playing ? 'plain' : 'primary'} isPending={change.isPending} onPress={() => { change.mutate(); }}>
          {state.is_playing ? 'End the demo' : 'Play the demo'}
        </Button>
      ) : (
        <p className={css.text}>Ask somebody who may write telemetry to play it.</p>
      )}
    </div>
  );
}

function said(state: DemoState, clock: Clock): string {
  if (!state.is_playing) {
    return 'A shop of eleven services that fails in a way worth finding: half an hour of its past at once, then an hour as it happens. It is written into this tenant and rests as long as all else.';
  }
  const ends = typeof state.until !== 'string' ? '' : ` It ends by itself at ${clock.short(state.until)}.`;
  const trouble = typeof state.trouble !== 'string' ? '' : ` The last request was not taken: ${state.trouble}`;
  return `The shop is open: ${count(state.requests)} requests of OTLP are written.${ends}${trouble}`;
}
