import '@patternfly/react-core/dist/styles/base.css';
import './styles/app.css';
import './styles/log.css';
import './styles/ansi.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from '@/api/problem';
import { ShortcutProvider } from '@/framework/shortcuts';
import { router } from './routes';

/** A refusal would be the same again; silence may pass. */
const mayPass = (failures: number, error: Error) =>
  failures < 2 && !(error instanceof ApiError && error.status < 500);

const cache = new QueryClient({
  defaultOptions: { queries: { staleTime: 10_000, retry: mayPass, retryDelay: (n) => 400 * 2 ** n } },
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={cache}>
      <ShortcutProvider>
        <RouterProvider router={router} />
      </ShortcutProvider>
    </QueryClientProvider>
  </StrictMode>,
);
