// Links that dashboards write: pages of the app open in it, all others beside it.

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { addressLink } from '../../shell/link';

export function AppLink({ url, children }: { url: string; children: ReactNode }) {
  if (!url.startsWith('/')) {
    return (
      <a href={url} target="_blank" rel="noreferrer">
        {children}
      </a>
    );
  }
  return <Link {...addressLink(url)}>{children}</Link>;
}
