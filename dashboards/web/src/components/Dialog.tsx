// A dialog over the page. Escape and a click beside it close it; the keyboard stays inside.

import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { Button } from './Button';
import css from './Dialog.module.css';

interface DialogProps {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, isOpen, onClose, children }: DialogProps) {
  return (
    <Overlay isOpen={isOpen} onClose={onClose}>
      <AriaDialog className={css.dialog ?? ''}>
        <header className={css.header}>
          <Heading slot="title" level={2}>
            {title}
          </Heading>
          <Button kind="quiet" icon="close" aria-label="Close" onPress={onClose} />
        </header>
        <div className={css.body}>{children}</div>
      </AriaDialog>
    </Overlay>
  );
}

interface OverlayProps {
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** Where dialogs float; for those that bring their own frame. */
export function Overlay({ isOpen, onClose, children }: OverlayProps) {
  return (
    <ModalOverlay
      isOpen={isOpen}
      isDismissable
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      className={css.overlay ?? ''}
    >
      <Modal className={css.modal ?? ''}>{children}</Modal>
    </ModalOverlay>
  );
}
