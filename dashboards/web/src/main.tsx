// Starts the app in the page.

// The plain look first, so that what components say of theirs holds over it.
import './styles/tokens.css';
import './styles/base.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { newQueryClient } from './api/client';
import { plugins } from './plugins';
import { applyTheme } from './preferences/preferences';
import { PluginsContext } from './shell/plugins';
import { newRouter } from './shell/router';

applyTheme();
const queryClient = newQueryClient();
const router = newRouter(queryClient);
const place = document.getElementById('app');
if (place === null) throw new Error('index.html has no place for the app');

createRoot(place).render(
  <StrictMode>
    <PluginsContext value={plugins}>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </PluginsContext>
  </StrictMode>,
);
