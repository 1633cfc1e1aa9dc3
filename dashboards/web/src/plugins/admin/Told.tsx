// A secret that the server tells once, with what to do with it.

import type { ReactNode } from 'react';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Snippet } from '../../components/Snippet';
import css from './admin.module.css';

interface ToldProps {
  title: string;
  /** What the secret is called: `One-time password`. */
  label: string;
  secret: string;
  /** What it is for, and how long it is good. */
  note: ReactNode;
  onClose: () => void;
  children?: ReactNode;
}

export function Told({ title, label, secret, note, onClose, children }: ToldProps) {
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      <div className={css.stack}>
        <p className={css.text}>{note}</p>
        <div className={css.wide}>
          <Snippet label={label} text={secret} />
        </div>
        {children}
        <Button kind="primary" onPress={onClose}>
          I have kept it
        </Button>
      </div>
    </Dialog>
  );
}
