// Who is asking decides what is shown: the sign-in, the panel's absence, or the pages.
import { Spinner } from '@patternfly/react-core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { onSignedOut } from '@/api/client';
import { usePreferences } from '@/api/hooks';
import { isStatus } from '@/api/problem';
import { queries } from '@/api/queries';
import { SessionOver } from '@/features/session/session-over';
import { SignInPage } from '@/features/session/sign-in-page';
import { TimeZoneContext } from '@/framework/time';
import { ToastProvider } from '@/framework/toasts';
import { PanelGone } from './fallbacks';
import { Shell } from './shell';
import { setTheme } from './theme';

export function Frame() {
  const cache = useQueryClient();
  const { data: session, error } = useQuery({ ...queries.session(), staleTime: 60_000, retry: false });
  const [over, setOver] = useState(false);
  useEffect(() => onSignedOut(() => setOver(true)), []);
  if (session) {
    return (
      <SignedIn>
        <Shell />
        {over && (
          <SessionOver
            name={session.user.name}
            done={() => {
              setOver(false);
              void cache.invalidateQueries();
            }}
          />
        )}
      </SignedIn>
    );
  }
  if (isStatus(error, 401)) return <SignInPage done={() => setOver(false)} />;
  if (error) return <PanelGone />;
  return (
    <main className="whole-page">
      <h1 className="visually-hidden">Provisioning</h1>
      <Spinner aria-label="Loading" />
    </main>
  );
}

function SignedIn({ children }: { children: React.ReactNode }) {
  const [{ theme, time_zone: zone }] = usePreferences();
  const { isFetched } = useQuery(queries.preferences());
  useEffect(() => {
    if (isFetched) setTheme(theme);
  }, [theme, isFetched]);
  return (
    <TimeZoneContext value={zone}>
      <ToastProvider>{children}</ToastProvider>
    </TimeZoneContext>
  );
}
