// The command palette: type a few letters of a page, of something to do, or of a thing a plugin can find.

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { Autocomplete, Dialog, Header, Input, Menu, MenuItem, MenuSection, TextField, useFilter } from 'react-aria-components';
import { Overlay } from '../components/Dialog';
import type { Found } from '../plugins/page';
import { prefer } from '../preferences/preferences';
import { RELATIVE_RANGES } from '../range/range';
import { useRange } from '../range/useRange';
import type { PageLink } from './link';
import css from './Palette.module.css';
import { useNavigation, usePlugins } from './plugins';

const WORDS_MIN = 2;

interface Command {
  id: string;
  name: string;
  note?: string | undefined;
  act: () => void;
}

interface PaletteProps {
  isOpen: boolean;
  onClose: () => void;
  onHelp: () => void;
}

export function Palette({ isOpen, onClose, onHelp }: PaletteProps) {
  return (
    <Overlay isOpen={isOpen} onClose={onClose}>
      <Dialog className={css.palette ?? ''} aria-label="Search or go to">
        <Commands onClose={onClose} onHelp={onHelp} />
      </Dialog>
    </Overlay>
  );
}

function Commands({ onClose, onHelp }: Omit<PaletteProps, 'isOpen'>) {
  const { contains } = useFilter({ sensitivity: 'base' });
  const [words, setWords] = useState('');
  const navigate = useNavigate();
  const pages = useNavigation().map((entry) => ({
    id: `go ${entry.to}`,
    name: entry.title,
    note: entry.keys,
    act: () => void navigate({ to: entry.to }),
  }));
  const { found, isLooking } = useFound(words);
  const things = found.map((each) => ({
    id: `found ${each.id}`,
    name: each.title,
    note: each.note,
    act: () => void navigate(linkOf(each)),
  }));
  const matching = (commands: Command[]) => commands.filter((command) => contains(command.name, words));
  const groups = [
    { title: 'Pages', commands: matching(pages) },
    { title: 'Found', commands: things },
    { title: 'Do', commands: matching(useActions(onHelp)) },
  ].filter((group) => group.commands.length > 0);

  return (
    <Autocomplete inputValue={words} onInputChange={setWords}>
      {/* A palette is opened to be typed into. */}
      {/* eslint-disable-next-line jsx-a11y/no-autofocus */}
      <TextField aria-label="Search or go to" autoFocus>
        <Input className={css.input ?? ''} placeholder="A page, a service, something to do…" />
      </TextField>
      <Menu className={css.menu ?? ''} aria-label="Commands" onAction={onClose} renderEmptyState={() => <p className={css.none}>{isLooking ? 'Looking…' : 'Nothing is named like that.'}</p>}>
        {groups.map((group) => (
          <MenuSection key={group.title} aria-label={group.title}>
            <Header className={css.title ?? ''}>{group.title}</Header>
            {group.commands.map((command) => (
              <MenuItem key={command.id} id={command.id} textValue={command.name} onAction={command.act} className={css.item ?? ''}>
                <span>{command.name}</span>
                <span className={css.note}>{command.note}</span>
              </MenuItem>
            ))}
          </MenuSection>
        ))}
      </Menu>
    </Autocomplete>
  );
}

/** Plugins name pages of theirs by texts: which there are is only known when all of them are put together. */
function linkOf({ to, params, search }: Found): PageLink {
  return { to: to as PageLink['to'], params, search: search as PageLink['search'] };
}

function useActions(onHelp: () => void): Command[] {
  const { setRange } = useRange();
  return [
    ...RELATIVE_RANGES.map(({ from, name }) => ({ id: `range ${from}`, name, act: () => { setRange({ from, to: 'now' }); } })),
    { id: 'light', name: 'Light theme', act: () => { prefer({ theme: 'light' }); } },
    { id: 'dark', name: 'Dark theme', act: () => { prefer({ theme: 'dark' }); } },
    { id: 'utc', name: 'Times in UTC', act: () => { prefer({ zone: 'utc' }); } },
    { id: 'local', name: 'Times of this browser', act: () => { prefer({ zone: 'local' }); } },
    { id: 'keys', name: 'List all keys', note: '?', act: onHelp },
  ];
}

/** What plugins find; a plugin that fails finds nothing, the others are heard all the same. */
function useFound(words: string): { found: Found[]; isLooking: boolean } {
  const plugins = usePlugins();
  const isEnough = words.trim().length >= WORDS_MIN;
  const { data, isFetching } = useQuery({
    queryKey: ['palette', words],
    enabled: isEnough,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const answers = await Promise.allSettled(plugins.map(async (plugin) => (await plugin.find?.(words.trim(), signal)) ?? []));
      return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    },
  });
  return { found: isEnough ? (data ?? []) : [], isLooking: isFetching };
}
