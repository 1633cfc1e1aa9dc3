// Lines as they arrive. They stay at the end until one scrolls up or pauses; what comes meanwhile waits.

import { useEffect, useState, useSyncExternalStore } from 'react';
import { Button } from '../../components/Button';
import { Badge } from '../../components/Badge';
import { Empty, Failed } from '../../components/states';
import { Toggle } from '../../components/Toggle';
import { exact } from '../../format/number';
import { LineDetails } from './LineDetails';
import { LineList } from './LineList';
import type { LogViewProps } from './LinesView';
import css from './logs.module.css';
import { wantedOf } from './search';
import { Tail, type TailState } from './tail';

const HEIGHT = 420;

/** Follows what it is first given; with another `key` it begins anew. */
export function LiveView({ search, onChange, onFilter, onCount }: LogViewProps) {
  const [tail] = useState(() => new Tail(wantedOf(search)));
  const state = useSyncExternalStore(tail.listen, tail.get);
  const [isPaused, setPaused] = useState(false);
  const [isUp, setUp] = useState(false);
  const { line: open, context, wrap } = search;
  const isHeld = isPaused || isUp;
  useEffect(() => {
    tail.start();
    return () => {
      tail.stop();
    };
  }, [tail]);
  useEffect(() => {
    tail.hold(isHeld);
  }, [tail, isHeld]);
  const goOn = () => {
    setPaused(false);
    setUp(false);
  };
  return (
    <div className={css.live}>
      <div className={css.bar}>
        <Told state={state} isHeld={isHeld} />
        <Button kind="quiet" onPress={() => { tail.clear(); }}>
          Clear
        </Button>
        <Toggle isOn={wrap === true} onToggle={(isOn) => { onChange({ wrap: isOn ? true : undefined }, true); }}>
          Wrap
        </Toggle>
        {isHeld ? (
          <Button kind="primary" icon="down" onPress={goOn}>
            {state.waiting.length === 0 ? 'Resume' : `Resume, ${exact(state.waiting.length)} new`}
          </Button>
        ) : (
          <Button onPress={() => { setPaused(true); }}>Pause</Button>
        )}
      </div>
      {state.failure !== undefined && <Failed error={state.failure} onRetry={() => { tail.start(); }} />}
      {state.lines.length === 0 ? (
        state.failure === undefined && <Empty title={state.status === 'connecting' ? 'Connecting…' : 'Waiting for lines'} height={HEIGHT}>
          Lines like these are shown here as soon as they arrive.
        </Empty>
      ) : (
        <LineList
          label="Log lines as they arrive"
          lines={state.lines}
          isWrapped={wrap === true}
          open={open}
          onOpen={(key) => {
            if (key !== undefined) setPaused(true);
            onChange({ line: key, context: undefined }, true);
          }}
          isFollowing={!isHeld}
          onAtEnd={(isAtEnd) => { setUp(!isAtEnd); }}
          detailsOf={(line) => (
            <LineDetails line={line} onFilter={onFilter} onCount={onCount} context={context} onContext={(count) => { onChange({ context: count }, true); }} />
          )}
        />
      )}
    </div>
  );
}

function Told({ state, isHeld }: { state: TailState; isHeld: boolean }) {
  const { leftOut, missed, isLeast, dropped } = state;
  const gone = [
    leftOut > 0 ? `${exact(leftOut)} left out, too many in a second` : '',
    missed > 0 || isLeast ? `${isLeast ? 'at least ' : ''}${exact(missed)} missed` : '',
    dropped > 0 ? `${exact(dropped)} older ones let go` : '',
  ].filter((each) => each !== '');
  return (
    <span className={css.told}>
      <Badge tone={state.status === 'following' && !isHeld ? 'good' : 'warning'}>{nameOf(state, isHeld)}</Badge>
      {state.lines.length > 0 && <span>{exact(state.lines.length)} lines</span>}
      {gone.length > 0 && <span role="status">{gone.join(', ')}; all of them are under Lines</span>}
    </span>
  );
}

function nameOf({ status }: TailState, isHeld: boolean): string {
  if (status === 'waiting') return 'Interrupted';
  if (status === 'connecting') return 'Connecting';
  return isHeld ? 'Paused' : 'Following';
}
