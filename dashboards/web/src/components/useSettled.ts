import { useEffect, useState } from 'react';

/** Nobody is told of faults of half a word. */
const PAUSE_MS = 500;

/** `text` once it has not changed for a moment. */
export function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = window.setTimeout(() => {
      setSettled(text);
    }, PAUSE_MS);
    return () => {
      window.clearTimeout(timer);
    };
  }, [text]);
  return settled;
}
