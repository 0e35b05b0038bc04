import { Alert, Button, Form, PageSection, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import CodeIcon from '@patternfly/react-icons/dist/esm/icons/code-icon';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { Installer, Job } from '@/api/queries';
import { watchJob } from '@/api/watched';
import { groupInputs } from '@/core/form/form';
import type { Action } from '@/core/form/validate';
import { countOf } from '@/core/format';
import { PageHeader } from '@/framework/page';
import { FormErrors, useFocusFirst } from '@/framework/page-form';
import { useShortcuts } from '@/framework/shortcuts';
import { useToast } from '@/framework/toasts';
import { CommandDialog } from './command-dialog';
import { About, Differences } from './form-aside';
import { InputField } from './input-field';
import { ServerPicker } from './server-picker';
import { type InstallForm as FormState, useInstallForm } from './use-install-form';

export const actionNames: Record<Action, string> = {
  install: 'Install',
  upgrade: 'Upgrade',
  check: 'Check',
  uninstall: 'Uninstall',
};

interface InstallFormProps {
  installer: Installer;
  action: Action;
  earlier?: Job;
  server?: string;
}

function useSubmit(form: FormState, installer: Installer) {
  const navigate = useNavigate();
  const tell = useToast();
  return async () => {
    const sent = await form.submit();
    if (sent === null) return;
    for (const job of sent.jobs) watchJob(job.id, `${installer.name} on ${job.server_id}`);
    if (sent.refused.length > 0) {
      if (sent.jobs.length > 0) tell('success', `${countOf(sent.jobs.length, 'job')} started`);
      return;
    }
    const [first] = sent.jobs;
    if (sent.jobs.length === 1 && first) await navigate({ to: '/jobs/$id', params: { id: first.id } });
    else await navigate({ to: '/jobs', search: { app: installer.id } });
  };
}

export function InstallForm({ installer, action, earlier, server }: InstallFormProps) {
  const form = useInstallForm(installer, action, earlier, server);
  const [commands, setCommands] = useState(false);
  const submit = useSubmit(form, installer);
  useFocusFirst(form.faults, form.submissions);
  useShortcuts('This form', [{ keys: 'Ctrl+Enter', label: actionNames[action], run: () => void submit() }]);
  const submitted = (event: FormEvent) => {
    event.preventDefault();
    void submit();
  };
  return (
    <>
      <PageHeader
        title={`${actionNames[action]} ${installer.name} ${installer.version}`}
        short={installer.name}
        parent={{ to: '/catalogue', label: 'Catalogue' }}
        description={installer.description}
      >
        <ActionChoice installer={installer} action={action} />
      </PageHeader>
      <PageSection isFilled hasBodyWrapper={false}>
        <div className="form-page">
          <Form onSubmit={submitted} noValidate className="form-main">
            {form.restored && <Restored startOver={form.startOver} />}
            <FormErrors faults={form.faults} />
            <Refusals form={form} />
            <ServerPicker
              app={installer.id}
              action={action}
              chosen={form.servers}
              choose={form.setServers}
              error={form.noServer}
            />
            <Groups form={form} />
            <div className="form-actions">
              <Button
                type="submit"
                variant={action === 'uninstall' ? 'danger' : 'primary'}
                isLoading={form.busy}
                isDisabled={form.busy}
              >
                {submitText(form)}
              </Button>
              <Button variant="link" icon={<CodeIcon />} onClick={() => setCommands(true)}>
                Copy as command
              </Button>
              <span className="subtle small wide-only">
                <kbd>Ctrl</kbd> <kbd>Enter</kbd>
              </span>
            </div>
          </Form>
          <div className="form-aside">
            {earlier && form.differences && <Differences job={earlier} list={form.differences} />}
            <About installer={installer} />
          </div>
        </div>
        {commands && <CommandDialog app={installer.id} form={form} close={() => setCommands(false)} />}
      </PageSection>
    </>
  );
}

function submitText({ action, servers }: FormState): string {
  if (servers.length === 0) return actionNames[action];
  return `${actionNames[action]} on ${servers.length === 1 ? servers[0] : countOf(servers.length, 'server')}`;
}

function ActionChoice({ installer: { actions }, action }: { installer: Installer; action: Action }) {
  const navigate = useNavigate({ from: '/catalogue/$id' });
  if (actions.length < 2) return null;
  return (
    <ToggleGroup aria-label="What to do" className="gap-above">
      {actions.map((each) => (
        <ToggleGroupItem
          key={each}
          text={actionNames[each]}
          buttonId={`action-${each}`}
          isSelected={each === action}
          onChange={() =>
            void navigate({
              search: (before) => ({ ...before, action: each === 'install' ? undefined : each }),
            })
          }
        />
      ))}
    </ToggleGroup>
  );
}

function Restored({ startOver }: { startOver: () => void }) {
  const [seen, setSeen] = useState(false);
  if (seen) return null;
  const restart = () => {
    startOver();
    setSeen(true);
  };
  return (
    <Alert
      isInline
      variant="info"
      title="What you typed before is here again"
      component="h2"
      actionLinks={
        <Button variant="link" isInline onClick={restart}>
          Start over
        </Button>
      }
    >
      Secrets are never kept: type those again.
    </Alert>
  );
}

/** What the panel refused, beyond single fields. */
function Refusals({ form: { refused } }: { form: FormState }) {
  if (refused.length === 0) return null;
  return (
    <div role="alert">
      <Alert
        isInline
        variant="danger"
        title={refused.length === 1 ? 'The job was not made' : 'Some jobs were not made'}
        component="h2"
      >
        <ul>
          {refused.map(({ server, error }) => (
            <li key={server}>
              <b>{server}</b>: {error.message}
            </li>
          ))}
        </ul>
      </Alert>
    </div>
  );
}

function Groups({ form }: { form: FormState }) {
  const shown = form.inputs.filter(({ name }) => form.visible.includes(name));
  const fromLastInstall = form.action === 'uninstall' || form.action === 'check';
  return (
    <>
      {fromLastInstall && shown.length > 0 && (
        <p className="subtle">
          Values of the last successful install are used. Fill in only what should differ.
        </p>
      )}
      {groupInputs(shown).map(({ title, inputs }) => (
        <fieldset key={title} className="form-group">
          {title !== '' && <legend>{title}</legend>}
          {inputs.map((input) => (
            <InputField
              key={input.name}
              input={input}
              value={form.fields[input.name] ?? ''}
              error={form.errors[input.name]}
              change={(value) => form.change(input.name, value)}
              check={() => form.check(input.name)}
            />
          ))}
        </fieldset>
      ))}
    </>
  );
}
