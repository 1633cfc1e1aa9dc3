// Text to be copied as it is: commands, settings, keys that are told once.

import { useState } from 'react';
import { Button } from './Button';
import css from './Snippet.module.css';

const TOLD_MS = 2000;

export function Snippet({ label, text }: { label: string; text: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    window.setTimeout(() => {
      setCopied(false);
    }, TOLD_MS);
  };
  return (
    <div className={css.snippet}>
      <pre className={css.text} role="region" aria-label={label}>
        {text}
      </pre>
      <Button kind="quiet" icon={isCopied ? 'check' : 'copy'} aria-label={isCopied ? 'Copied' : `Copy: ${label}`} onPress={() => void copy()} />
    </div>
  );
}
