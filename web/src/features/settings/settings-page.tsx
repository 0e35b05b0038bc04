import { PageSection } from '@patternfly/react-core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useIsAdministrator } from '@/api/hooks';
import { PageHeader, usePageTitle } from '@/framework/page';
import { PageTabs } from '@/framework/page-tabs';
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
  const { key, Body } = shown.find((each) => each.key === tab) ?? shown[0]!;
  return (
    <>
      <PageHeader title="Settings" />
      <PageSection isFilled hasBodyWrapper={false}>
        <PageTabs
          label="Settings"
          tabs={shown}
          active={key}
          open={(chosen) => void navigate({ search: { tab: chosen === 'you' ? undefined : chosen } })}
        >
          <Body />
        </PageTabs>
      </PageSection>
    </>
  );
}
