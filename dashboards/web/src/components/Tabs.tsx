// Parts of a page of which one is seen. Which one is in the address: the page gives it and is told of another.

import type { ReactNode } from 'react';
import { Tab, TabList, TabPanel, Tabs as AriaTabs } from 'react-aria-components';
import { count as short } from '../format/number';
import css from './Tabs.module.css';

interface TabsProps<Id extends string> {
  label: string;
  tabs: readonly { id: Id; name: string; count?: number | undefined }[];
  selected: Id;
  onSelect: (id: Id) => void;
  /** The panel of the selected tab. */
  children: ReactNode;
}

export function Tabs<Id extends string>({ label, tabs, selected, onSelect, children }: TabsProps<Id>) {
  return (
    <AriaTabs
      className={css.tabs ?? ''}
      selectedKey={selected}
      onSelectionChange={(key) => {
        const chosen = tabs.find((tab) => tab.id === key);
        if (chosen !== undefined && chosen.id !== selected) onSelect(chosen.id);
      }}
    >
      <TabList aria-label={label} className={css.list ?? ''}>
        {tabs.map((tab) => (
          <Tab key={tab.id} id={tab.id} className={css.tab ?? ''}>
            {tab.name}
            {tab.count !== undefined && <span className={css.count}>{short(tab.count)}</span>}
          </Tab>
        ))}
      </TabList>
      {/* A panel that stays keeps the id that its first tab names it by. */}
      <TabPanel key={selected} id={selected} className={css.panel ?? ''}>
        {children}
      </TabPanel>
    </AriaTabs>
  );
}
