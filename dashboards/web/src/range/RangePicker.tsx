// The range of time of the page: relative, or from a time to another; asked once, or again and again.

import { useIsFetching, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, type SubmitEvent } from 'react';
import { Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { Button } from '../components/Button';
import { Menu } from '../components/Menu';
import { TextField } from '../components/fields';
import { useClock, type Clock } from '../format/time';
import { faultOf, RELATIVE_RANGES, relativeName, timeOf, type Range } from './range';
import css from './RangePicker.module.css';
import { useRange } from './useRange';

const SLOW_MS = 1500;

const REFRESHES: { seconds: number | undefined; name: string }[] = [
  { seconds: undefined, name: 'When asked' },
  { seconds: 5, name: 'Every 5 seconds' },
  { seconds: 15, name: 'Every 15 seconds' },
  { seconds: 60, name: 'Every minute' },
];

export function RangePicker() {
  const { query, refresh, setRefresh } = useRange();
  const clock = useClock();
  const queryClient = useQueryClient();
  const isFetching = useIsFetching() > 0;
  const isSlow = useIsSlow(isFetching);
  const refreshes = REFRESHES.map(({ seconds, name }) => ({
    id: name,
    name,
    isChosen: seconds === refresh,
    act: () => {
      setRefresh(seconds);
    },
  }));
  return (
    <div className={css.picker}>
      <DialogTrigger>
        <Button icon="clock">
          <span className={css.name}>{nameOf(query, clock)}</span>
          {clock.zone === 'utc' && <span className={css.zone}>UTC</span>}
        </Button>
        <Popover className={css.popover ?? ''} placement="bottom end">
          <Dialog aria-label="Range of time" className={css.dialog ?? ''}>
            {({ close }) => <Choices onChosen={close} />}
          </Dialog>
        </Popover>
      </DialogTrigger>
      {isSlow ? (
        <Button kind="quiet" icon="close" aria-label="Stop asking" onPress={() => void queryClient.cancelQueries()} />
      ) : (
        <Button kind="quiet" icon="refresh" aria-label={isFetching ? 'Asking again' : 'Ask again'} onPress={() => void queryClient.invalidateQueries()} />
      )}
      <Menu label="How often it is asked again" groups={[{ title: 'Ask again', entries: refreshes }]}>
        <Button kind="quiet" aria-label={refresh === undefined ? 'Ask again: when asked' : `Ask again: every ${refresh} seconds`} icon={refresh === undefined ? 'down' : undefined}>
          {refresh === undefined ? undefined : <span className={css.live}>Live</span>}
        </Button>
      </Menu>
    </div>
  );
}

/** Whether something goes on for so long that one may want to stop it. */
function useIsSlow(isGoingOn: boolean): boolean {
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(
      () => {
        setSlow(isGoingOn);
      },
      isGoingOn ? SLOW_MS : 0,
    );
    return () => {
      window.clearTimeout(timer);
    };
  }, [isGoingOn]);
  return isGoingOn && isSlow;
}

function Choices({ onChosen }: { onChosen: () => void }) {
  const { query, setRange, zoomOut } = useRange();
  const choose = (range: Range) => {
    setRange(range);
    onChosen();
  };
  return (
    <div className={css.choices}>
      <ul className={css.relative}>
        {RELATIVE_RANGES.map(({ from, name }) => (
          <li key={from}>
            <button
              type="button"
              className={css.choice}
              aria-pressed={query.from === from && query.to === 'now'}
              onClick={() => {
                choose({ from, to: 'now' });
              }}
            >
              {name}
            </button>
          </li>
        ))}
      </ul>
      <Between key={`${query.from} ${query.to}`} range={query} onChosen={choose} onWider={zoomOut} />
    </div>
  );
}

interface BetweenProps {
  range: Range;
  onChosen: (range: Range) => void;
  onWider: () => void;
}

function Between({ range, onChosen, onWider }: BetweenProps) {
  const [from, setFrom] = useState(range.from);
  const [to, setTo] = useState(range.to);
  const fault = faultOf({ from, to });
  const apply = (event: SubmitEvent) => {
    event.preventDefault();
    if (fault === undefined) onChosen({ from: from.trim(), to: to.trim() });
  };
  return (
    <form className={css.between} onSubmit={apply}>
      <TextField label="From" value={from} onChange={setFrom} />
      <TextField label="To" value={to} onChange={setTo} />
      <p className={css.help} role="status" data-fault={fault !== undefined}>
        {fault ?? 'As 2026-01-31T10:00:00Z, or relative as now-15m.'}
      </p>
      <div className={css.buttons}>
        <Button onPress={onWider}>Widen</Button>
        <Button kind="primary" type="submit" isDisabled={fault !== undefined}>
          Apply
        </Button>
      </div>
    </form>
  );
}

function nameOf(range: Range, clock: Clock): string {
  const relative = relativeName(range);
  if (relative !== undefined) return relative;
  const tell = (text: string) => {
    const time = timeOf(text);
    return text === 'now' || time === undefined ? text : clock.short(time);
  };
  return `${tell(range.from)} – ${tell(range.to)}`;
}
