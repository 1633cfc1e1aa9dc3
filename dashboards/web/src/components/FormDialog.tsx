// A dialog with a form that changes something: it stays open until the server has taken it, and says why where it did not.

import { useState, type ReactNode, type SubmitEvent } from 'react';
import { Button } from './Button';
import { Dialog } from './Dialog';
import css from './FormDialog.module.css';
import { Failed } from './states';

interface FormDialogProps {
  title: string;
  /** What the button says that does it. */
  doing: string;
  /** Throws what the server refuses. */
  act: () => Promise<unknown>;
  onClose: () => void;
  children?: ReactNode;
}

/** Is there while it is open: its owner leaves it out again when `onClose` is called. */
export function FormDialog({ title, doing, act, onClose, children }: FormDialogProps) {
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await act();
      onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run();
  };
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      <form className={css.form} onSubmit={submit}>
        {children}
        {error !== undefined && <Failed error={error} />}
        <div className={css.actions}>
          <Button onPress={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" isPending={isBusy}>
            {doing}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
