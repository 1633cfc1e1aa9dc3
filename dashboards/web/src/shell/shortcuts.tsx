// Keys that do something wherever one is. Whoever has some says so while it is in sight; `?` lists them all.

import { createContext, use, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

export interface Shortcut {
  /** Keys, one after the other, as in `g s`; `mod+k` is Ctrl or Cmd with k. */
  keys: string;
  name: string;
  act: () => void;
}

const NEXT_KEY_MS = 1000;

interface Shortcuts {
  all: Shortcut[];
  add: (shortcuts: Shortcut[]) => () => void;
}

const ShortcutsContext = createContext<Shortcuts>({ all: [], add: () => () => undefined });

export function ShortcutsProvider({ children }: { children: ReactNode }) {
  const [groups, setGroups] = useState<Shortcut[][]>([]);
  const all = useMemo(() => groups.flat(), [groups]);
  const typed = useRef({ keys: '', at: 0 });

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const key = keyOf(event);
      if (key === undefined) return;
      const now = Date.now();
      const before = now - typed.current.at < NEXT_KEY_MS ? typed.current.keys : '';
      const keys = before === '' ? key : `${before} ${key}`;
      const found = all.find((each) => each.keys === keys) ?? all.find((each) => each.keys === key);
      typed.current = found === undefined ? { keys: key, at: now } : { keys: '', at: 0 };
      if (found === undefined) return;
      event.preventDefault();
      found.act();
    };
    window.addEventListener('keydown', onKey);
    return () => {
      window.removeEventListener('keydown', onKey);
    };
  }, [all]);

  const shortcuts = useMemo(
    () => ({
      all,
      add: (group: Shortcut[]) => {
        setGroups((before) => [...before, group]);
        return () => {
          setGroups((before) => before.filter((each) => each !== group));
        };
      },
    }),
    [all],
  );
  return <ShortcutsContext value={shortcuts}>{children}</ShortcutsContext>;
}

/** Makes `shortcuts` work while the component is in sight; pass the same array until they change. */
export function useShortcuts(shortcuts: Shortcut[]): void {
  const { add } = use(ShortcutsContext);
  const adding = useRef(add);
  useEffect(() => adding.current(shortcuts), [shortcuts]);
}

export function useAllShortcuts(): Shortcut[] {
  return use(ShortcutsContext).all;
}

/** Keys as they stand on this machine's keyboard: `mod+k` is `Ctrl K` or `⌘ K`. */
export function keyNames(keys: string): string[] {
  const mod = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';
  return keys.split(' ').map((key) => key.replace(/^mod\+(.*)$/, (_, letter: string) => `${mod} ${letter.toUpperCase()}`));
}

/** The key as shortcuts write it; undefined where it belongs to a field or an open dialog. */
function keyOf(event: KeyboardEvent): string | undefined {
  const isModified = event.ctrlKey || event.metaKey;
  if (event.altKey || event.isComposing) return undefined;
  if (isModified) return `mod+${event.key.toLowerCase()}`;
  const target = event.target instanceof HTMLElement ? event.target : undefined;
  if (target?.closest('input, textarea, select, [contenteditable], [role="dialog"], [role="menu"], [role="listbox"]')) return undefined;
  return event.key.length === 1 ? event.key : undefined;
}
