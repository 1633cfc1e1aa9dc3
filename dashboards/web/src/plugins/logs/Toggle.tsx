// A button that is on or off.

import type { ReactNode } from 'react';
import { ToggleButton } from 'react-aria-components';
import css from './logs.module.css';

export function Toggle({ isOn, onToggle, children }: { isOn: boolean; onToggle: (isOn: boolean) => void; children: ReactNode }) {
  return (
    <ToggleButton className={css.toggle ?? ''} isSelected={isOn} onChange={onToggle}>
      {children}
    </ToggleButton>
  );
}
