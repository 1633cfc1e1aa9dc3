// What can be chosen for a dashboard; it goes into the address.

import { useState } from 'react';
import { Button as AriaButton, Dialog, DialogTrigger, ListBox, ListBoxItem, Popover } from 'react-aria-components';
import type { DashboardVariable } from '../../api/schema';
import { Icon } from '../../components/Icon';
import { TextField } from '../../components/fields';
import { failureFrom } from '../../api/failure';
import { useValues, type Asking } from './asking';
import css from './dashboards.module.css';

interface VariablesProps {
  variables: readonly DashboardVariable[];
  asking: Asking;
  onChoose: (variable: DashboardVariable, values: string[]) => void;
}

export function Variables({ variables, asking, onChoose }: VariablesProps) {
  if (variables.length === 0) return null;
  return (
    <div className={css.variables}>
      {variables.map((variable) =>
        variable.kind === 'text' ? (
          <TextVariable key={`${variable.name} ${asking.chosen[variable.name]?.[0] ?? ''}`} variable={variable} chosen={asking.chosen[variable.name] ?? []} onChoose={onChoose} />
        ) : (
          <ListVariable key={variable.name} variable={variable} asking={asking} onChoose={onChoose} />
        ),
      )}
    </div>
  );
}

function TextVariable({ variable, chosen, onChoose }: { variable: DashboardVariable; chosen: string[]; onChoose: VariablesProps['onChoose'] }) {
  const [text, setText] = useState(chosen[0] ?? '');
  const done = () => {
    if (text !== (chosen[0] ?? '')) onChoose(variable, text === '' ? [] : [text]);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        done();
      }}
    >
      <TextField aria-label={variable.label ?? variable.name} placeholder={variable.label ?? variable.name} value={text} onChange={setText} onBlur={done} />
    </form>
  );
}

const FILTERED_FROM = 12;

function ListVariable({ variable, asking, onChoose }: { variable: DashboardVariable; asking: Asking; onChoose: VariablesProps['onChoose'] }) {
  const values = useValues(variable, asking);
  const [words, setWords] = useState('');
  const chosen = asking.chosen[variable.name] ?? [];
  const name = variable.label ?? variable.name;
  // What is chosen stays to be seen, also when nothing has it in this range.
  const all = [...new Set([...chosen, ...(values.data ?? [])])];
  const shown = all.filter((value) => value.toLowerCase().includes(words.toLowerCase()));
  const choose = (next: string[]) => {
    onChoose(variable, next);
  };
  return (
    <DialogTrigger>
      <AriaButton className={css.variable ?? ''}>
        <span className={css.variableName}>{name}</span>
        <span className={css.variableValue}>{chosen.length === 0 ? 'all' : chosen.length <= 2 ? chosen.join(', ') : `${chosen.length} chosen`}</span>
        <Icon name="down" />
      </AriaButton>
      <Popover className={css.popover ?? ''} placement="bottom start">
        <Dialog className={css.choices ?? ''} aria-label={name}>
          {({ close }) => (
            <>
              {all.length > FILTERED_FROM && <TextField aria-label={`Only values with this in them`} placeholder="Filter" value={words} onChange={setWords} />}
              {values.error !== null && <p className={css.note}>{failureFrom(values.error).message}</p>}
              <ListBox
                aria-label={name}
                className={css.list ?? ''}
                selectionMode={variable.multi === true ? 'multiple' : 'single'}
                selectedKeys={new Set(chosen)}
                // It closes what is open, and takes nothing back that is chosen.
                escapeKeyBehavior="none"
                onSelectionChange={(keys) => {
                  choose(keys === 'all' ? [] : [...keys].map(String));
                  if (variable.multi !== true) close();
                }}
                items={shown.map((value) => ({ id: value }))}
                renderEmptyState={() => <p className={css.note}>{values.isPending ? 'Loading' : 'No values in this range'}</p>}
              >
                {({ id }) => (
                  <ListBoxItem id={id} textValue={id} className={css.choice ?? ''}>
                    {({ isSelected }) => (
                      <>
                        <span className={css.mark}>{isSelected && <Icon name="check" />}</span>
                        {id}
                      </>
                    )}
                  </ListBoxItem>
                )}
              </ListBox>
              {chosen.length > 0 && (
                <AriaButton
                  className={css.clear ?? ''}
                  onPress={() => {
                    choose([]);
                    close();
                  }}
                >
                  All of them
                </AriaButton>
              )}
            </>
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}
