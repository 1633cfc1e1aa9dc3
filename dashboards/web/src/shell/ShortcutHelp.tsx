// All keys that do something here and now.

import { Dialog } from '../components/Dialog';
import css from './ShortcutHelp.module.css';
import { keyNames, useAllShortcuts } from './shortcuts';

export function ShortcutHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const shortcuts = useAllShortcuts();
  return (
    <Dialog title="Keys" isOpen={isOpen} onClose={onClose}>
      <dl className={css.list}>
        {shortcuts.map((shortcut) => (
          <div key={shortcut.keys} className={css.row}>
            <dt>{shortcut.name}</dt>
            <dd>
              {keyNames(shortcut.keys).map((key, at) => (
                <kbd key={at} className={css.key}>
                  {key}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
