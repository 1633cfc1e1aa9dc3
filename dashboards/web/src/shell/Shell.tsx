// What stands around every page: where one can go, the range of time, and keys for all of it.

import { useQueryClient } from '@tanstack/react-query';
import { Outlet, useMatches, useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect, useEffectEvent, useMemo, useRef, useState } from 'react';
import { Button } from '../components/Button';
import { RangePicker } from '../range/RangePicker';
import { RangeShownContext } from '../range/shown';
import { Navigation } from './Navigation';
import { Palette } from './Palette';
import css from './Shell.module.css';
import { ShortcutHelp } from './ShortcutHelp';
import { keyNames, ShortcutsProvider, useShortcuts } from './shortcuts';
import { useNavigation } from './plugins';

export function Shell() {
  return (
    <ShortcutsProvider>
      <Frame />
    </ShortcutsProvider>
  );
}

function Frame() {
  const [open, setOpen] = useState<'palette' | 'help' | undefined>();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [menuAt, setMenuAt] = useState<string | undefined>();
  const [isRangeShown, setRangeShown] = useState(false);
  const isTimeless = useMatches({ select: (matches) => matches.some((match) => match.staticData.isTimeless) });
  const close = () => {
    setOpen(undefined);
  };
  const content = useFocusOnPath(path);
  useShellShortcuts(setOpen);
  useEscape(() => {
    setMenuAt(undefined);
  });

  return (
    <div className={css.shell}>
      <a className={css.skip} href="#content">
        Skip to content
      </a>
      <Navigation isOpen={menuAt === path} onClose={() => { setMenuAt(undefined); }} />
      <div className={css.column}>
        <header className={css.bar}>
          <span className={css.menu}>
            <Button kind="quiet" icon="menu" aria-label="Open navigation" onPress={() => { setMenuAt(path); }} />
          </span>
          <Button kind="plain" icon="search" onPress={() => { setOpen('palette'); }} aria-label="Search or go to">
            <span className={css.find}>Search or go to</span>
            <kbd className={css.keys}>{keyNames('mod+k')}</kbd>
          </Button>
          <span className={css.space} />
          {(!isTimeless || isRangeShown) && <RangePicker />}
        </header>
        <main id="content" ref={content} className={css.content} tabIndex={-1}>
          <RangeShownContext value={setRangeShown}>
            <Outlet />
          </RangeShownContext>
        </main>
      </div>
      <Palette isOpen={open === 'palette'} onClose={close} onHelp={() => { setOpen('help'); }} />
      <ShortcutHelp isOpen={open === 'help'} onClose={close} />
    </div>
  );
}

/** Where the keyboard and screen readers go on when another page is opened: its begin. */
function useFocusOnPath(path: string) {
  const content = useRef<HTMLElement>(null);
  const before = useRef(path);
  useEffect(() => {
    if (before.current !== path) content.current?.focus({ preventScroll: true });
    before.current = path;
  }, [path]);
  return content;
}

function useEscape(act: () => void): void {
  const latest = useEffectEvent(act);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') latest();
    };
    window.addEventListener('keydown', onKey);
    return () => {
      window.removeEventListener('keydown', onKey);
    };
  }, []);
}

function useShellShortcuts(setOpen: (open: 'palette' | 'help') => void): void {
  const navigation = useNavigation();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const places = navigation.map((entry) => entry.to).join(' ');
  const shortcuts = useMemo(
    () => [
      { keys: 'mod+k', name: 'Search or go to', act: () => { setOpen('palette'); } },
      { keys: '?', name: 'List all keys', act: () => { setOpen('help'); } },
      { keys: 'r', name: 'Ask again for what is shown', act: () => void queryClient.invalidateQueries() },
      ...navigation.flatMap((entry) =>
        entry.keys === undefined ? [] : [{ keys: entry.keys, name: `Go to ${entry.title}`, act: () => void navigate({ to: entry.to }) }],
      ),
    ],
    // The entries are new objects each time; their paths say whether they are others.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [places, navigate, queryClient, setOpen],
  );
  useShortcuts(shortcuts);
}
