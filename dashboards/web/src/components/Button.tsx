// Buttons: `primary` for the one thing a page is for, `danger` where that cannot be taken back, `plain` for all others,
// `quiet` inside bars and tables.

import type { ReactNode } from 'react';
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components';
import css from './Button.module.css';
import { Icon, type IconName } from './Icon';

interface ButtonProps extends Omit<AriaButtonProps, 'className' | 'style' | 'children'> {
  kind?: 'primary' | 'danger' | 'plain' | 'quiet';
  icon?: IconName;
  children?: ReactNode;
}

/** A button without text needs an `aria-label`. */
export function Button({ kind = 'plain', icon, children, ...rest }: ButtonProps) {
  return (
    <AriaButton {...rest} className={`${css.button ?? ''} ${css[kind] ?? ''} ${children === undefined ? (css.square ?? '') : ''}`}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </AriaButton>
  );
}
