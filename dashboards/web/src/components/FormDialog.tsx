// A dialog in which something is done: its fields or what will happen, the server's error, and the button that does it.

import { useMutation } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Button } from './Button';
import { Dialog } from './Dialog';
import { TextField } from './fields';
import css from './FormDialog.module.css';
import { Failed } from './states';

interface FormDialogProps {
  title: string;
  /** What the button says: `Invite`. */
  act: string;
  /** Rejects with what the server said; the dialog stays then and shows it. */
  onAct: () => Promise<unknown>;
  /** After the act has succeeded; where it is not said, `onClose`. */
  onDone?: () => void;
  /** Whether what it does cannot be taken back. */
  isDangerous?: boolean;
  isReady?: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** Is open while it is there. */
export function FormDialog({ title, act, onAct, isDangerous = false, isReady = true, onDone, onClose, children }: FormDialogProps) {
  const acting = useMutation({ mutationFn: onAct, onSuccess: onDone ?? onClose });
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady && !acting.isPending) acting.mutate();
        }}
      >
        {children}
        {acting.isError && <Failed error={acting.error} />}
        <div className={css.buttons}>
          <Button onPress={onClose}>Cancel</Button>
          <Button type="submit" kind={isDangerous ? 'danger' : 'primary'} isDisabled={!isReady} isPending={acting.isPending}>
            {act}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface ConfirmProps extends Pick<FormDialogProps, 'title' | 'act' | 'onAct' | 'onDone' | 'onClose' | 'children'> {
  /** What has to be typed first, for what many others would feel. */
  typed?: string;
}

/** Asks before something that cannot be taken back; its text says what will happen. */
export function Confirm({ typed, children, ...rest }: ConfirmProps) {
  const [text, setText] = useState('');
  return (
    <FormDialog {...rest} isDangerous isReady={typed === undefined || text === typed}>
      <div className={css.told}>{children}</div>
      {typed !== undefined && <TextField label={`Type “${typed}” to go on`} value={text} onChange={setText} autoComplete="off" />}
    </FormDialog>
  );
}
