// Signs of what is on the map. What they stand beside says it in words.

import type { NodeKind } from '../../api/schema';

const PATHS: Record<NodeKind, string> = {
  service: 'M8 2.2 13 5v6l-5 2.8L3 11V5Z',
  database: 'M3 4.2c0-2 10-2 10 0v7.6c0 2-10 2-10 0Zm0 0c0 2 10 2 10 0M3 8c0 2 10 2 10 0',
  queue: 'M2.5 4.5h11v7h-11zM6.2 4.5v7M9.8 4.5v7',
  host: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM2.5 8h11M8 2.5c-3 3.4-3 7.6 0 11 3-3.4 3-7.6 0-11',
};

export function KindSign({ kind }: { kind: NodeKind }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.3" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[kind]} />
    </svg>
  );
}
