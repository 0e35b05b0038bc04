// A form as commands to paste into bash. Secrets, the token too, stand as variables, never as text, and reach no argument
// list.
import { environmentText } from './check';
import { type Input, isSensitive, type Value } from './input';
import type { Action } from './validate';

export interface Submission {
  app: string;
  server: string;
  action: Action;
  payload: Record<string, unknown>;
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const variable = (name: string) => name.toUpperCase();

function secretsOf(inputs: Input[], payload: Record<string, unknown>): Input[] {
  return inputs.filter((input) => isSensitive(input) && Object.hasOwn(payload, input.name));
}

export function asCurl(origin: string, inputs: Input[], submission: Submission): string {
  const { app, server, action, payload } = submission;
  const secrets = secretsOf(inputs, payload).map((input) => input.name);
  const plain = Object.fromEntries(Object.entries(payload).filter(([name]) => !secrets.includes(name)));
  const body = JSON.stringify({ app_id: app, server_id: server, action, inputs: plain }, null, 2);
  const send = [
    `curl --fail-with-body -X POST ${quoted(`${origin}/api/jobs`)}`,
    `  -H @<(printf 'Authorization: Bearer %s' "$PROVISIONCTL_TOKEN")`,
    "  -H 'Content-Type: application/json'",
    '  --data-binary @-',
  ].join(' \\\n');
  if (secrets.length === 0) return `${send} <<'JSON'\n${body}\nJSON`;
  const handed = secrets.map((name) => `${variable(name)}="$${variable(name)}"`).join(' ');
  const filled = secrets.map((name) => `.inputs.${name} = env.${variable(name)}`).join(' | ');
  return `${handed} jq '${filled}' <<'JSON' |\n${body}\nJSON\n${send}`;
}

/** One-line secrets go by standard input, longer ones as files. */
export function asProvisionctl(origin: string, inputs: Input[], submission: Submission): string {
  const { app, server, action, payload } = submission;
  const secrets = secretsOf(inputs, payload);
  const lines = secrets.filter((input) => input.type !== 'text');
  const words = [`provisionctl --panel ${quoted(origin)} ${action} ${app} --server ${quoted(server)}`];
  for (const [name, value] of Object.entries(payload)) {
    const secret = secrets.find((input) => input.name === name);
    if (secret === undefined) words.push(`  --input ${quoted(`${name}=${environmentText(value as Value)}`)}`);
    else if (lines.includes(secret)) words.push(`  --secret ${name}`);
    else words.push(`  --input-file ${name}=<(printf %s "$${variable(name)}")`);
  }
  const command = words.join(' \\\n');
  if (lines.length === 0) return command;
  // Secrets are read in the order in which --secret names them.
  const order = Object.keys(payload).filter((name) => lines.some((input) => input.name === name));
  return `printf '%s\\n' ${order.map((name) => `"$${variable(name)}"`).join(' ')} |\n${command}`;
}
