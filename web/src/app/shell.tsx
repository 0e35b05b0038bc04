import { Page, PageSidebar, PageSidebarBody, SkipToContent } from '@patternfly/react-core';
import { Outlet, useLocation } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useTitle } from '@/framework/page';
import { useShortcuts } from '@/framework/shortcuts';
import { ConnectionBanner } from './connection-banner';
import { Header } from './header';
import { Help } from './help';
import { Navigation } from './navigation';
import { Notifier } from './notifier';
import { Palette } from './palette';

export function Shell() {
  const [dialog, setDialog] = useState<'help' | 'palette' | null>(null);
  const path = useLocation({ select: (location) => location.pathname });
  const close = () => setDialog(null);
  useShortcuts('Everywhere', [
    { keys: 'Ctrl+K', label: 'Go to anything', run: () => setDialog('palette') },
    { keys: '?', label: 'Show the keys', run: () => setDialog('help') },
  ]);
  const title = useTitle();
  usePageStart(path, title);
  return (
    <Page
      masthead={<Header openPalette={() => setDialog('palette')} openHelp={() => setDialog('help')} />}
      sidebar={
        <PageSidebar>
          <PageSidebarBody>
            <Navigation path={path} />
          </PageSidebarBody>
        </PageSidebar>
      }
      isManagedSidebar
      isContentFilled
      mainContainerId="main"
      skipToContent={<SkipToContent href="#main">Skip to content</SkipToContent>}
    >
      <p role="status" className="visually-hidden">
        {title}
      </p>
      <ConnectionBanner />
      <Outlet />
      <Notifier />
      {dialog === 'help' && <Help close={close} />}
      {dialog === 'palette' && <Palette close={close} />}
    </Page>
  );
}

/** A new page begins at its top, for eyes, and for the keyboard where what had the focus went with the old page. */
function usePageStart(path: string, title: string) {
  const before = useRef(path);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever the page changes
  useEffect(() => {
    document.getElementById('main')?.scrollTo(0, 0);
  }, [path]);
  // The page that says its title has taken the place of the one before.
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    if (document.activeElement === document.body)
      document.getElementById('main')?.focus({ preventScroll: true });
  }, [title]);
}
