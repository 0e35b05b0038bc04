// The state of one installer's form: what is typed, what is wrong with it, and sending it.
import { useMemo, useRef, useState } from 'react';
import type { Installer, Job } from '@/api/queries';
import {
  type Difference,
  differences,
  errorsByField,
  evaluateForm,
  type FieldValue,
  initialFields,
} from '@/core/form/form';
import { type Input, isSensitive } from '@/core/form/input';
import type { Action } from '@/core/form/validate';
import { useDraft } from '@/framework/draft';
import type { FieldFault } from '@/framework/page-form';
import { fieldErrorsOf, IdempotencyKeys, type Refused, type Sent, send } from './submission';

interface Draft {
  fields: Record<string, FieldValue>;
  servers: string[];
}

export const fieldId = (name: string) => `input-${name}`;
export const serversId = 'servers';

/** Uninstall and check use the values of the last install: a field left empty there says nothing. */
export function inputsFor(installer: Installer, action: Action): Input[] {
  const inputs = installer.inputs as unknown as Input[];
  if (action === 'install' || action === 'upgrade') return inputs;
  return inputs.map((input) => ({ ...input, default: undefined, required: false }));
}

function emptyDraft(
  inputs: Input[],
  earlier: Job | undefined,
  server: string | undefined,
  action: Action,
): Draft {
  const fields = initialFields(inputs, earlier?.inputs as Record<string, unknown> | undefined);
  if (action === 'uninstall' || action === 'check')
    for (const { name, type } of inputs) if (type === 'boolean') fields[name] = '';
  const first = server ?? earlier?.server_id;
  return { fields, servers: first ? [first] : [] };
}

export function useInstallForm(
  installer: Installer,
  action: Action,
  earlier: Job | undefined,
  server: string | undefined,
) {
  const inputs = useMemo(() => inputsFor(installer, action), [installer, action]);
  const start = () => emptyDraft(inputs, earlier, server, action);
  const untouched = useMemo(
    () => JSON.stringify(emptyDraft(inputs, earlier, server, action)),
    [inputs, earlier, server, action],
  );
  const secrets = useMemo(() => new Set(inputs.filter(isSensitive).map(({ name }) => name)), [inputs]);
  const plain = ({ fields, servers }: Draft): Draft => ({
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, secrets.has(name) ? '' : value]),
    ),
    servers,
  });
  const key = `form ${installer.id} ${action} ${earlier?.id ?? ''}`;
  const draft = useDraft<Draft>(key, start, (value) => {
    const kept = plain(value);
    return JSON.stringify(kept) === untouched ? null : kept;
  });
  const [checked, setChecked] = useState<ReadonlySet<string>>(new Set());
  const [submissions, setSubmissions] = useState(0);
  const [refused, setRefused] = useState<Refused[]>([]);
  const [serverErrors, setServerErrors] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const keys = useRef(new IdempotencyKeys());

  const { fields, servers } = draft.value;
  const form = useMemo(() => evaluateForm(inputs, fields, action), [inputs, fields, action]);
  const own = errorsByField(form.errors);
  const shownErrors: Record<string, string> = {};
  for (const name of form.visible) {
    const message = own[name]
      ? submissions > 0 || checked.has(name)
        ? own[name]
        : undefined
      : serverErrors[name];
    if (message) shownErrors[name] = message;
  }
  const noServer = submissions > 0 && servers.length === 0 ? 'choose at least one' : undefined;

  const change = (name: string, value: FieldValue) => {
    draft.setValue((before) => ({ ...before, fields: { ...before.fields, [name]: value } }));
    setServerErrors(({ [name]: _mended, ...others }) => others);
  };
  const submit = async (): Promise<Sent | null> => {
    setRefused([]);
    if (busy || form.errors.length > 0 || servers.length === 0) {
      setSubmissions((n) => n + 1);
      return null;
    }
    setBusy(true);
    const sent = await send({ app: installer.id, action, inputs: form.payload, servers }, keys.current);
    setBusy(false);
    setRefused(sent.refused);
    setServerErrors(fieldErrorsOf(sent.refused, form.visible));
    if (sent.refused.length > 0) {
      draft.setValue((before) => ({ ...before, servers: sent.refused.map((each) => each.server) }));
      setSubmissions((n) => n + 1);
    } else draft.forget();
    return sent;
  };

  return {
    inputs,
    action,
    fields,
    servers,
    restored: draft.restored,
    visible: form.visible,
    payload: form.payload,
    errors: shownErrors,
    noServer,
    refused,
    busy,
    submissions,
    faults: faultsOf(inputs, shownErrors, noServer),
    differences: earlier
      ? differences(inputs, earlier.inputs as Record<string, unknown>, form.payload)
      : null,
    change,
    check: (name: string) => setChecked((before) => new Set(before).add(name)),
    setServers: (chosen: string[]) => draft.setValue((before) => ({ ...before, servers: chosen })),
    startOver: () => {
      draft.setValue(start());
      setSubmissions(0);
      setChecked(new Set());
    },
    submit,
  };
}

export type InstallForm = ReturnType<typeof useInstallForm>;
export type { Difference };

function faultsOf(
  inputs: Input[],
  errors: Record<string, string>,
  noServer: string | undefined,
): FieldFault[] {
  const faults = noServer ? [{ id: serversId, label: 'Servers', message: noServer }] : [];
  for (const { name, label } of inputs) {
    const message = errors[name];
    if (message) faults.push({ id: fieldId(name), label, message });
  }
  return faults;
}
