import { Alert, Form, FormSelect, FormSelectOption, Switch } from '@patternfly/react-core';
import { useState } from 'react';
import { usePreferences } from '@/api/hooks';
import type { Preferences } from '@/api/queries';
import { Field } from '@/framework/page-form';
import { Time } from '@/framework/time';

const themes: [Preferences['theme'], string][] = [
  ['system', 'Like the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export function PreferencesSection() {
  const [preferences, change] = usePreferences();
  const zones = ['local', 'UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];
  return (
    <Form className="form-main" onSubmit={(event) => event.preventDefault()}>
      <Field id="theme" label="Colours">
        <FormSelect
          id="theme"
          className="medium-field"
          value={preferences.theme}
          onChange={(_event, theme) => change({ theme: theme as Preferences['theme'] })}
        >
          {themes.map(([theme, label]) => (
            <FormSelectOption key={theme} value={theme} label={label} />
          ))}
        </FormSelect>
      </Field>
      <Field
        id="time-zone"
        label="Time zone"
        description={
          <>
            All times are shown in it. Now it is <Time at={new Date().toISOString()} />.
          </>
        }
      >
        <FormSelect
          id="time-zone"
          className="medium-field"
          value={preferences.time_zone}
          onChange={(_event, zone) => change({ time_zone: zone })}
        >
          {zones.map((zone) => (
            <FormSelectOption key={zone} value={zone} label={zone === 'local' ? 'As this browser' : zone} />
          ))}
        </FormSelect>
      </Field>
      <NotifySwitch on={preferences.notify} change={(notify) => change({ notify })} />
    </Form>
  );
}

function NotifySwitch({ on, change }: { on: boolean; change: (on: boolean) => void }) {
  const [refused, setRefused] = useState(false);
  const toggle = async (wanted: boolean) => {
    const granted = !wanted || (await Notification.requestPermission()) === 'granted';
    setRefused(!granted);
    if (granted) change(wanted);
  };
  return (
    <Field
      id="notify"
      label={undefined}
      description="A job that you started is over: the browser says so, also while you look at something else."
    >
      <Switch
        id="notify"
        label="Notifications of the browser"
        isChecked={on}
        onChange={(_event, wanted) => void toggle(wanted)}
      />
      {refused && (
        <Alert
          isInline
          isPlain
          variant="warning"
          title="The browser does not allow it. Allow notifications for this site there first."
          component="p"
        />
      )}
    </Field>
  );
}
