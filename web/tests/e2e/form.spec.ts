import { execFileSync } from 'node:child_process';
import { known } from '../../mock/known.mjs';
import { expect, test } from './fixtures';

test('5 a field appears by another one’s value, at once, and hidden values are not sent @phone', async ({
  page,
  panel,
}) => {
  await page.goto('/catalogue/nginx?server=web-01');
  await page.getByLabel('Server name').fill('www.example.test');
  await expect(page.getByLabel('HTTPS port')).toHaveCount(0);
  await page.getByLabel('TLS', { exact: true }).selectOption('self_signed');
  await page.getByLabel('HTTPS port').fill('8443');
  await page.getByLabel('TLS', { exact: true }).selectOption('given');
  await expect(page.getByLabel('Private key')).toBeVisible();
  await page.getByLabel('TLS', { exact: true }).selectOption('none');
  await expect(page.getByLabel('HTTPS port')).toHaveCount(0);
  await page.keyboard.press('Control+Enter');
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  const [sent] = await panel.ask('submitted');
  expect(sent.inputs).toEqual({
    server_name: 'www.example.test',
    http_port: 80,
    document_root: '/var/www/provisioning',
    tls: 'none',
  });
});

test('6 every bad field is marked at once, the first focused, with what would be right', async ({
  page,
  accessible,
}) => {
  await page.goto('/catalogue/postgresql?server=web-01');
  await page.getByLabel('Port', { exact: true }).fill('70000');
  await page.getByLabel('Database name').fill('9lives');
  await page.locator('.form-actions').getByRole('button', { name: 'Install on web-01' }).click();
  await expect(page.getByRole('heading', { name: '4 fields need a change' })).toBeVisible();
  await expect(page.getByLabel('Database name')).toBeFocused();
  await expect(
    page.getByText('A letter or underscore first, then lower-case letters, digits and underscores.'),
  ).toBeVisible();
  await expect(page.getByText('Must be a port number from 1 to 65535.')).toBeVisible();
  await expect(page.getByLabel('Contact')).toHaveAttribute('aria-invalid', 'true');
  await accessible();
  await page.getByRole('link', { name: 'Contact' }).click();
  await expect(page.getByLabel('Contact')).toBeFocused();
  await page.getByLabel('Database name').fill('orders');
  await expect(page.getByRole('heading', { name: '3 fields need a change' })).toBeVisible();
});

test('7 a generated password is offered, can be copied once, and is never shown again', async ({
  page,
  context,
  panel,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/catalogue/redis?server=web-01');
  await page.getByRole('button', { name: 'Generate: Password' }).click();
  const shown = await page.locator('.generated code').textContent();
  expect(shown).toHaveLength(24);
  await page.getByRole('button', { name: 'Copy and hide it' }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(shown);
  await expect(page.locator('.generated')).toHaveCount(0);
  await expect(page.locator('main')).not.toContainText(shown!);
  expect(
    await page.evaluate(() => JSON.stringify(sessionStorage) + JSON.stringify(localStorage)),
  ).not.toContain(shown);
  await page.keyboard.press('Control+Enter');
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  expect((await panel.ask('submitted'))[0].inputs.password).toBe(shown);
  await page.getByRole('tab', { name: 'Inputs and outputs' }).click();
  await expect(page.getByText('sealed, nobody can read it here')).toBeVisible();
  await expect(page.locator('body')).not.toContainText(shown!);
});

test('8 nothing typed is lost by an error, a reload or an expired session', async ({ page, panel }) => {
  await page.goto('/catalogue/grafana?server=web-01');
  const host = page.getByLabel('Host name');
  const password = page.getByRole('textbox', { name: "Administrator's password" });
  await host.fill('taken');
  await password.fill('correct horse battery');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByText('Is in use on that server; choose another.')).toBeVisible();
  await expect(host).toBeFocused();
  await host.fill('grafana.example.org');

  await panel.tell('fail-next', {
    path: '/api/jobs',
    method: 'POST',
    status: 503,
    detail: 'The store cannot be reached; nothing was done.',
  });
  await page.keyboard.press('Control+Enter');
  await expect(page.getByText('The store cannot be reached; nothing was done.')).toBeVisible();
  await expect(password).toHaveValue('correct horse battery');

  await panel.tell('expire-sessions');
  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog', { name: 'Your session is over' });
  await dialog.getByLabel('Password').fill('correct horse');
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(host).toHaveValue('grafana.example.org');
  await expect(password).toHaveValue('correct horse battery');

  await page.reload();
  await expect(host).toHaveValue('grafana.example.org');
  await expect(page.getByRole('heading', { name: 'What you typed before is here again' })).toBeVisible();
  await expect(password).toHaveValue('');
  await page.getByRole('button', { name: 'Start over' }).click();
  await expect(host).toHaveValue('');
});

test('9 preflight says for each server why it cannot run there @phone', async ({ page, accessible }) => {
  await page.goto('/catalogue/k3s');
  const option = (id: string) => page.locator('.server-option', { has: page.getByText(id, { exact: true }) });
  await expect(option('tiny-01')).toContainText('2048 MB of memory are needed, there are 512');
  await expect(option('tiny-01')).toContainText('8192 MB of free disk are needed, there are 900');
  await expect(option('legacy-01')).toContainText(
    'runs Rocky Linux 9.6 (Blue Onyx); needed is one of: debian, ubuntu',
  );
  await expect(option('edge-01.ams')).toContainText('the job waits until it is');
  await expect(page.getByRole('checkbox', { name: 'tiny-01' })).toBeDisabled();
  await page.getByRole('checkbox', { name: 'web-01' }).check();
  await page.getByRole('checkbox', { name: 'web-02' }).check();
  await expect(page.getByRole('button', { name: 'Install on 2 servers' })).toBeVisible();
  await accessible();
  await page.getByRole('button', { name: 'Install on 2 servers' }).click();
  await expect(page).toHaveURL(/\/jobs\?app=k3s/);
});

test('10 run again fills the form without secrets, and shows what differs from then', async ({
  page,
  panel,
}) => {
  await page.goto(`/jobs/${known.succeeded}`);
  await page.getByRole('link', { name: 'Run again' }).click();
  await expect(page.getByLabel('Database name')).toHaveValue('orders');
  await expect(page.getByRole('textbox', { name: "Administrator's password" })).toHaveValue('');
  await expect(page.getByRole('checkbox', { name: 'db-01' })).toBeChecked();
  const aside = page.getByRole('region', { name: 'What differs' });
  await expect(aside).toContainText('Nothing differs.');
  await page.getByLabel('Database name').fill('invoices');
  await page.getByLabel('Listen on').selectOption('local');
  await expect(aside).toContainText('orders → invoices');
  await expect(aside).toContainText('10.20.0.0/16 → not set');
  await page.getByRole('textbox', { name: "Administrator's password" }).fill('a new long secret');
  await expect(aside).not.toContainText('secret');
  await page.keyboard.press('Control+Enter');
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  expect((await panel.ask('submitted'))[0].inputs).toMatchObject({ database: 'invoices', listen: 'local' });
});

test('19 each form copies as curl and as provisionctl, and both, pasted, make the same job', async ({
  page,
  panel,
}) => {
  await page.goto('/catalogue/redis?server=web-01');
  await page.getByLabel('Memory limit').fill('128mb');
  await page.getByRole('textbox', { name: 'Password' }).fill(`it's a "secret"`.replaceAll(' ', '_'));
  await page.getByRole('button', { name: 'Copy as command' }).click();
  const text = (label: string) => page.getByLabel(label, { exact: true }).textContent();
  const [curl, cli] = [await text('curl command'), await text('provisionctl command')];
  expect(curl! + cli!).not.toContain('secret"');
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await page.keyboard.press('Control+Enter');
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);

  const env = { ...process.env, PASSWORD: `it's_a_"secret"`, PROVISIONCTL_TOKEN: 'a token', no_proxy: '*' };
  execFileSync('bash', ['-c', curl!], { env, stdio: 'pipe' });
  // provisionctl as it reads its words: --input NAME=VALUE, and --secret NAME from standard input.
  const pretend = `provisionctl() { panel=$2 action=$3 app=$4 server=$6; shift 6; body='{}'
    while [ $# -gt 0 ]; do
      if [ "$1" = --input ]; then body=$(jq -c --arg n "\${2%%=*}" --arg v "\${2#*=}" '.[$n] = $v' <<<"$body")
      else IFS= read -r secret; body=$(jq -c --arg n "$2" --arg v "$secret" '.[$n] = $v' <<<"$body"); fi; shift 2
    done
    jq -n --arg a "$action" --arg i "$app" --arg s "$server" --argjson b "$body" '{action:$a,app_id:$i,server_id:$s,inputs:$b}' |
      curl -sf -X POST "$panel/api/jobs" -H 'Authorization: Bearer x' -d @-; }`;
  execFileSync('bash', ['-c', `${pretend}\n${cli}`], { env, stdio: 'pipe' });

  const [byForm, byCurl, byCli] = await panel.ask('submitted');
  expect(byForm.inputs.password).toBe(`it's_a_"secret"`);
  expect(byCurl).toEqual(byForm);
  expect({ ...byCli, inputs: { ...byCli.inputs, port: Number(byCli.inputs.port) } }).toEqual(byForm);
});

test('22 an invalid installer is shown with file, line and a caret to whoever may see it @phone', async ({
  page,
  panel,
  accessible,
}) => {
  await page.goto('/catalogue');
  await page.getByRole('link', { name: 'haproxy' }).click();
  await expect(page.getByText('manifest.yml:14:1')).toBeVisible();
  await expect(page.getByText('did you mean `timeout_seconds`?')).toBeVisible();
  const source = await page.getByLabel('Line 22').textContent();
  const [line, caret] = source!.split('\n');
  expect(line![caret!.indexOf('^')]).toBe("'");
  await accessible();
  await page.context().clearCookies();
  await panel.signIn('ben');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'haproxy is invalid' })).toBeVisible();
  await expect(page.getByText('An administrator sees which ones')).toBeVisible();
  await expect(page.getByText('manifest.yml')).toHaveCount(0);
});

test('an installer that became invalid while its form was open says so, and keeps what was typed', async ({
  page,
  panel,
}) => {
  await page.goto('/catalogue/hello?server=web-01');
  await page.getByLabel('Greeting').fill('Good morning');
  await panel.tell('break-installer', { id: 'hello' });
  await page.keyboard.press('Control+Enter');
  await expect(page.getByText('The installer is broken: must be a text')).toBeVisible();
  await expect(page.getByLabel('Greeting')).toHaveValue('Good morning');
});

test('an uninstall sends only what was filled in', async ({ page, panel }) => {
  await page.goto('/catalogue/hello?server=web-01');
  await page.getByRole('button', { name: 'Uninstall' }).click();
  await expect(page.getByText('Values of the last successful install are used')).toBeVisible();
  await page.getByRole('button', { name: 'Uninstall on web-01' }).click();
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  expect((await panel.ask('submitted'))[0]).toMatchObject({ action: 'uninstall', inputs: {} });
});
