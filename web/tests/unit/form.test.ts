import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { asCurl, asProvisionctl } from '@/core/form/command';
import { differences, evaluateForm, groupInputs, initialFields } from '@/core/form/form';
import { generatePassword } from '@/core/form/generate';
import type { Input } from '@/core/form/input';

const inputs: Input[] = [
  { name: 'host', type: 'hostname', label: 'Host', required: true, group: 'Site' },
  { name: 'tls', type: 'boolean', label: 'TLS', default: false, group: 'TLS' },
  {
    name: 'tls_port',
    type: 'port',
    label: 'TLS port',
    required: true,
    default: 443,
    visible_if: { tls: true },
    group: 'TLS',
  },
  { name: 'secret', type: 'password', label: 'Secret', required: true, generate: true },
  { name: 'note', type: 'text', label: 'Note', group: 'Site' },
  { name: 'large', type: 'integer', label: 'Large' },
];

describe('a form', () => {
  it('sends no hidden value, even one that was typed before', () => {
    const fields = { ...initialFields(inputs), host: 'web1', secret: 'correct horse', tls_port: '8443' };
    expect(evaluateForm(inputs, fields).payload).toEqual({
      host: 'web1',
      tls: false,
      secret: 'correct horse',
    });
    expect(evaluateForm(inputs, { ...fields, tls: true }).payload).toMatchObject({
      tls: true,
      tls_port: 8443,
    });
  });

  it('names every bad field at once', () => {
    const { errors } = evaluateForm(inputs, { ...initialFields(inputs), tls: true, tls_port: '0' });
    expect(errors.map(({ field, rule }) => `${field} ${rule}`)).toEqual([
      'host required',
      'tls_port type',
      'secret required',
    ]);
  });

  it('sends a whole number that a double does not hold as its text', () => {
    const fields = { ...initialFields(inputs), large: '9007199254740993' };
    expect(evaluateForm(inputs, fields).payload.large).toBe('9007199254740993');
    expect(evaluateForm(inputs, { ...fields, large: '12' }).payload.large).toBe(12);
  });

  it('is filled from an earlier job without its secrets', () => {
    const fields = initialFields(inputs, { host: 'web1', tls_port: 8443, secret: { sealed: true } });
    expect(fields).toMatchObject({ host: 'web1', tls_port: '8443', secret: '' });
  });

  it('tells what differs from then, secrets aside', () => {
    const before = { host: 'web1', tls: true, tls_port: 443, secret: { sealed: true } };
    const now = { host: 'web2', tls: false, secret: 'correct horse' };
    expect(differences(inputs, before, now)).toEqual([
      { name: 'host', label: 'Host', before: 'web1', after: 'web2' },
      { name: 'tls', label: 'TLS', before: 'true', after: 'false' },
      { name: 'tls_port', label: 'TLS port', before: '443', after: '' },
    ]);
  });

  it('groups inputs in the order of their first mention', () => {
    expect(groupInputs(inputs).map(({ title, inputs: own }) => [title, own.length])).toEqual([
      ['Site', 2],
      ['TLS', 2],
      ['', 2],
    ]);
  });
});

describe('a generated password', () => {
  const password = (validation: Input['validation']) =>
    generatePassword({ name: 'p', type: 'password', label: 'P', validation });

  it('keeps the rules of its input', () => {
    expect(password({})).toHaveLength(24);
    expect(password({ max_length: 12 })).toHaveLength(12);
    expect(password({ min_length: 40, pattern: '[!-~]+' })).toHaveLength(40);
  });

  it('is not offered where no try keeps them', () => {
    expect(password({ pattern: '[0-9]+' })).toBeNull();
  });
});

describe('a form as commands', () => {
  const submission = {
    app: 'app',
    server: 'web-1',
    action: 'install' as const,
    payload: { host: "it's", secret: 'never shown', tls: true },
  };

  it('never holds a secret', () => {
    expect(asCurl('http://panel.test', inputs, submission)).not.toContain('never shown');
    expect(asProvisionctl('http://panel.test', inputs, submission)).not.toContain('never shown');
  });

  it('is read by a shell as meant', () => {
    const environment = { ...process.env, SECRET: `quote ' " \\ $x`, PROVISIONCTL_TOKEN: 'sesame' };
    const run = (script: string) =>
      execFileSync('bash', ['-c', script], { encoding: 'utf8', env: environment });
    // Everybody sees the arguments of a program.
    const seen = 'for word; do case $word in *sesame*) echo leaked ;; esac; done';
    const curl = run(`curl() { ${seen}; cat; }\n${asCurl('http://panel.test', inputs, submission)}`);
    expect(JSON.parse(curl)).toEqual({
      app_id: 'app',
      server_id: 'web-1',
      action: 'install',
      inputs: { host: "it's", tls: true, secret: `quote ' " \\ $x` },
    });
    const cli = run(
      `provisionctl() { printf '[%s]' "$@"; cat; }\n${asProvisionctl('http://panel.test', inputs, submission)}`,
    );
    expect(cli).toBe(
      `[--panel][http://panel.test][install][app][--server][web-1][--input][host=it's][--secret][secret][--input][tls=true]quote ' " \\ $x\n`,
    );
  });
});
