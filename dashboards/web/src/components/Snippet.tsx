// Text to be copied as it is: commands, settings, keys that are told once.

import { useRef, useState } from 'react';
import { Button } from './Button';
import css from './Snippet.module.css';

const TOLD_MS = 2000;

export function Snippet({ label, text }: { label: string; text: string }) {
  const [isCopied, setCopied] = useState(false);
  const shown = useRef<HTMLPreElement>(null);
  const copy = async () => {
    // Over plain HTTP browsers have no clipboard for pages: it is marked, to be copied by the keyboard.
    if (!('clipboard' in navigator)) {
      if (shown.current !== null) window.getSelection()?.selectAllChildren(shown.current);
      return;
    }
    await navigator.clipboard.writeText(text);
    setCopied(true);
    window.setTimeout(() => {
      setCopied(false);
    }, TOLD_MS);
  };
  return (
    <div className={css.snippet}>
      <pre ref={shown} className={css.text} role="region" aria-label={label}>
        {text}
      </pre>
      <Button kind="quiet" icon={isCopied ? 'check' : 'copy'} aria-label={isCopied ? 'Copied' : `Copy: ${label}`} onPress={() => void copy()} />
    </div>
  );
}
