// A box that is checked or not, with its name beside it.

import type { ReactNode } from 'react';
import css from './Checkbox.module.css';

interface CheckboxProps {
  label: string;
  /** Whether the label is for screen readers only. */
  isLabelHidden?: boolean;
  /** What it means, below its name. */
  description?: ReactNode;
  isChecked: boolean;
  isDisabled?: boolean;
  onChange: (isChecked: boolean) => void;
}

export function Checkbox({ label, isLabelHidden = false, description, isChecked, isDisabled = false, onChange }: CheckboxProps) {
  return (
    <label className={css.checkbox} data-disabled={isDisabled}>
      <input
        type="checkbox"
        className={css.box}
        aria-label={isLabelHidden ? label : undefined}
        checked={isChecked}
        disabled={isDisabled}
        onChange={(event) => {
          onChange(event.target.checked);
        }}
      />
      {!isLabelHidden && (
        <span>
          {label}
          {description !== undefined && <span className={css.description}>{description}</span>}
        </span>
      )}
    </label>
  );
}
