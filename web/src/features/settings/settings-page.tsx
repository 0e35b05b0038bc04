import { PageSection, Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useIsAdministrator } from '@/api/hooks';
import { PageHeader, usePageTitle } from '@/framework/page';
import { PasswordSection } from './password-section';
import { PreferencesSection } from './preferences-section';
import { TokensSection } from './tokens-section';
import { UsersSection } from './users-section';

const tabs = [
  { key: 'you', title: 'You', Body: PreferencesSection },
  { key: 'password', title: 'Password and sessions', Body: PasswordSection },
  { key: 'users', title: 'Users', Body: UsersSection, forAdministrators: true },
  { key: 'tokens', title: 'API tokens', Body: TokensSection },
];

export function SettingsPage() {
  usePageTitle('Settings');
  const { tab } = useSearch({ from: '/settings' });
  const navigate = useNavigate({ from: '/settings' });
  const administrator = useIsAdministrator();
  const shown = tabs.filter(({ forAdministrators }) => administrator || !forAdministrators);
  const { key, title, Body } = shown.find((each) => each.key === tab) ?? shown[0]!;
  return (
    <>
      <PageHeader title="Settings" />
      <PageSection isFilled hasBodyWrapper={false}>
        <Tabs
          activeKey={key}
          onSelect={(_event, chosen) =>
            void navigate({ search: { tab: chosen === 'you' ? undefined : String(chosen) } })
          }
          aria-label="Settings"
        >
          {shown.map((each) => (
            <Tab
              key={each.key}
              eventKey={each.key}
              title={<TabTitleText>{each.title}</TabTitleText>}
              tabContentId={`settings-${each.key}`}
            />
          ))}
        </Tabs>
        <div id={`settings-${key}`} role="tabpanel" aria-label={title} className="tab-body">
          <Body />
        </div>
      </PageSection>
    </>
  );
}
