import {
  Divider,
  Dropdown,
  DropdownGroup,
  DropdownItem,
  DropdownList,
  MenuToggle,
} from '@patternfly/react-core';
import UserIcon from '@patternfly/react-icons/dist/esm/icons/user-icon';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { answerOf, client } from '@/api/client';
import { usePreferences } from '@/api/hooks';
import { queries } from '@/api/queries';
import type { Theme } from './theme';

const themes: { theme: Theme; label: string }[] = [
  { theme: 'system', label: 'Like the system' },
  { theme: 'light', label: 'Light' },
  { theme: 'dark', label: 'Dark' },
];

export function useSignOut() {
  const cache = useQueryClient();
  return async () => {
    await answerOf(client.DELETE('/api/session')).catch(() => undefined);
    sessionStorage.clear();
    cache.clear();
    location.assign('/login');
  };
}

export function UserMenu() {
  const { data: session } = useQuery(queries.session());
  const [preferences, change] = usePreferences();
  const [open, setOpen] = useState(false);
  const navigate = useNavigate();
  const signOut = useSignOut();
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref}
          onClick={() => setOpen(!open)}
          isExpanded={open}
          icon={<UserIcon />}
          aria-label={`Account of ${session?.user.name}`}
        >
          <span className="wide-only">{session?.user.name}</span>
        </MenuToggle>
      )}
    >
      <DropdownGroup label="Colours">
        <DropdownList>
          {themes.map(({ theme, label }) => (
            <DropdownItem
              key={theme}
              isSelected={preferences.theme === theme}
              onClick={() => change({ theme })}
            >
              {label}
            </DropdownItem>
          ))}
        </DropdownList>
      </DropdownGroup>
      <Divider />
      <DropdownList>
        <DropdownItem onClick={() => void navigate({ to: '/settings' })}>Settings</DropdownItem>
        <DropdownItem onClick={() => void signOut()}>Sign out</DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}
