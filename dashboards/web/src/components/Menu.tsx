// A menu that opens from a button: sections of things to do, or to choose between.

import type { ReactElement } from 'react';
import { Header, Menu as AriaMenu, MenuItem, MenuSection, MenuTrigger, Popover, type PopoverProps } from 'react-aria-components';
import { Icon } from './Icon';
import css from './Menu.module.css';

export interface MenuEntry {
  id: string;
  name: string;
  note?: string;
  /** Of choices: whether it is the one that holds. */
  isChosen?: boolean;
  act: () => void;
}

export interface MenuGroup {
  title?: string;
  entries: MenuEntry[];
}

interface MenuProps {
  label: string;
  groups: MenuGroup[];
  placement?: PopoverProps['placement'];
  /** The button that opens it. */
  children: ReactElement;
}

export function Menu({ label, groups, placement = 'bottom end', children }: MenuProps) {
  return (
    <MenuTrigger>
      {children}
      <Popover className={css.popover ?? ''} placement={placement}>
        <AriaMenu className={css.menu ?? ''} aria-label={label}>
          {groups.map((group, at) => (
            <MenuSection key={group.title ?? at} className={css.section ?? ''} aria-label={group.title ?? label}>
              {group.title !== undefined && <Header className={css.title ?? ''}>{group.title}</Header>}
              {group.entries.map((entry) => (
                <MenuItem key={entry.id} id={entry.id} textValue={entry.name} onAction={entry.act} className={css.item ?? ''}>
                  <span className={css.mark}>{entry.isChosen === true && <Icon name="check" />}</span>
                  <span>{entry.name}</span>
                  {entry.isChosen === true && <span className={css.hidden}>(chosen)</span>}
                  {entry.note !== undefined && <span className={css.note}>{entry.note}</span>}
                </MenuItem>
              ))}
            </MenuSection>
          ))}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
