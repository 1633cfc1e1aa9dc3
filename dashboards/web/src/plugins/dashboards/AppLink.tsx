// Links that dashboards write: pages of the app open in it, all others beside it.

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { parseSearch } from '../../shell/search';

export function AppLink({ url, children }: { url: string; children: ReactNode }) {
  if (!url.startsWith('/')) {
    return (
      <a href={url} target="_blank" rel="noreferrer">
        {children}
      </a>
    );
  }
  const [path = '/', query = ''] = url.split('?');
  // Which pages there are is only known when it is opened.
  return (
    <Link to={path as '/'} search={parseSearch(query) as never}>
      {children}
    </Link>
  );
}
