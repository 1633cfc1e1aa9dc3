// A button that is on or off.

import type { ReactNode } from 'react';
import { ToggleButton } from 'react-aria-components';
import css from './Toggle.module.css';

interface ToggleProps {
  isOn: boolean;
  onToggle: (isOn: boolean) => void;
  /** What it is, where its text alone does not say so. */
  label?: string;
  children: ReactNode;
}

export function Toggle({ isOn, onToggle, label, children }: ToggleProps) {
  return (
    <ToggleButton aria-label={label} className={css.toggle ?? ''} isSelected={isOn} onChange={onToggle}>
      {children}
    </ToggleButton>
  );
}
