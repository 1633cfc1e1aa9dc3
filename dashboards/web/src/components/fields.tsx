// Fields of forms, each with its name above and what is wrong below.

import type { ReactNode } from 'react';
import {
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  Select as AriaSelect,
  SelectValue,
  Button as AriaButton,
  Text,
  TextArea,
  TextField as AriaTextField,
  type TextFieldProps as AriaTextFieldProps,
} from 'react-aria-components';
import { Icon } from './Icon';
import css from './fields.module.css';

interface TextFieldProps extends Omit<AriaTextFieldProps, 'className' | 'style' | 'children'> {
  label?: string;
  description?: ReactNode;
  placeholder?: string;
  /** Of a text of several lines: how many are seen at once. */
  lines?: number;
}

/** A line of text, or several. Without `label` it needs an `aria-label`. */
export function TextField({ label, description, placeholder, lines, ...rest }: TextFieldProps) {
  return (
    <AriaTextField {...rest} className={css.field ?? ''}>
      {label !== undefined && <Label className={css.label ?? ''}>{label}</Label>}
      {lines === undefined ? (
        <Input className={css.input ?? ''} placeholder={placeholder} />
      ) : (
        <TextArea className={`${css.input ?? ''} ${css.area ?? ''}`} rows={lines} placeholder={placeholder} />
      )}
      {description !== undefined && (
        <Text slot="description" className={css.description ?? ''}>
          {description}
        </Text>
      )}
      <FieldError className={css.error ?? ''} />
    </AriaTextField>
  );
}

export interface Choice<Value extends string> {
  value: Value;
  name: string;
}

interface SelectProps<Value extends string> {
  label: string;
  /** Whether the label stands above, or is for screen readers only. */
  isLabelHidden?: boolean;
  value: Value;
  choices: readonly Choice<Value>[];
  onChange: (value: Value) => void;
}

/** One of a few choices. */
export function Select<Value extends string>({ label, isLabelHidden = false, value, choices, onChange }: SelectProps<Value>) {
  return (
    <AriaSelect
      className={css.field ?? ''}
      aria-label={isLabelHidden ? label : undefined}
      value={value}
      onChange={(key) => {
        const chosen = choices.find((choice) => choice.value === key);
        if (chosen !== undefined) onChange(chosen.value);
      }}
    >
      {!isLabelHidden && <Label className={css.label ?? ''}>{label}</Label>}
      <AriaButton className={css.select ?? ''}>
        <SelectValue />
        <Icon name="down" />
      </AriaButton>
      <Popover className={css.popover ?? ''}>
        <ListBox className={css.list ?? ''} items={choices}>
          {(choice) => (
            <ListBoxItem id={choice.value} textValue={choice.name} className={css.item ?? ''}>
              {choice.name}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </AriaSelect>
  );
}
