// Parts of a page, one at a time; which one is in the address.
import { Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import { type ReactNode, useEffect, useRef } from 'react';

interface PageTabsProps<Key extends string> {
  label: string;
  tabs: { key: Key; title: string }[];
  active: Key;
  open: (key: Key) => void;
  /** Beside `tab-body`. */
  className?: string;
  children: ReactNode;
}

export function PageTabs<Key extends string>({
  label,
  tabs,
  active,
  open,
  className = '',
  children,
}: PageTabsProps<Key>) {
  const host = useRef<HTMLDivElement>(null);
  // Where not all of them fit, the one that the address names may be out of sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another one is active
  useEffect(() => {
    const tab = host.current?.querySelector('[role="tab"][aria-selected="true"]');
    tab?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [active]);
  return (
    <>
      <div ref={host}>
        <Tabs activeKey={active} onSelect={(_event, key) => open(key as Key)} aria-label={label}>
          {tabs.map(({ key, title }) => (
            <Tab
              key={key}
              eventKey={key}
              title={<TabTitleText>{title}</TabTitleText>}
              tabContentId={`tab-${key}`}
            />
          ))}
        </Tabs>
      </div>
      <div
        id={`tab-${active}`}
        role="tabpanel"
        aria-label={tabs.find(({ key }) => key === active)?.title}
        className={`tab-body ${className}`}
      >
        {children}
      </div>
    </>
  );
}
