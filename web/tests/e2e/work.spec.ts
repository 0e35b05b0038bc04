import { execFileSync } from 'node:child_process';
import { expect, test } from './fixtures';

test('14 filters, page and saved views live in the address, and Back works', async ({ page }) => {
  await page.goto('/jobs');
  const rows = page.getByRole('grid', { name: 'Jobs' }).locator('tbody tr');
  await expect(rows).toHaveCount(25);
  await page.getByRole('button', { name: /^Failed/ }).click();
  await expect(page).toHaveURL(/status=/);
  await expect.poll(() => rows.count()).toBeLessThan(25);
  await page.getByLabel('Server', { exact: true }).selectOption('web-02');
  await expect(page).toHaveURL(/server=web-02/);
  const filtered = page.url();
  await page.getByRole('button', { name: 'Save this view' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Failed on web-02');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await expect(rows).toHaveCount(25);
  await page.getByRole('button', { name: 'Older' }).click();
  await expect(page).toHaveURL(/page=/);
  const second = await rows.first().textContent();
  await page.goBack();
  await expect(page).not.toHaveURL(/page=/);
  await expect.poll(() => rows.first().textContent()).not.toBe(second);
  await page.goBack();
  await expect(page).toHaveURL(filtered);
  await page.reload();
  await expect(page.getByLabel('Server', { exact: true })).toHaveValue('web-02');
  await expect(page.getByRole('button', { name: /^Failed \d/ })).toHaveAttribute('aria-pressed', 'true');
  await page.goto('/jobs');
  await page.getByRole('button', { name: 'Failed on web-02', exact: true }).click();
  await expect(page).toHaveURL(filtered);
  await page.goto('/catalogue?q=data&category=databases&sort=name');
  await expect(page.getByRole('heading', { level: 2 })).toHaveText(['PostgreSQL', 'Redis']);
});

test('15 everything is done by keyboard alone, and ? lists the keys', async ({ page, panel }) => {
  await page.goto('/overview');
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  await page.keyboard.press('Control+K');
  await expect(page.getByRole('combobox')).toBeFocused();
  await page.keyboard.type('hello');
  await expect(page.getByRole('option', { selected: true })).toContainText('Hello');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Install Hello 1.0' })).toBeVisible();
  // Tab reaches the servers; Space chooses.
  const server = page.getByRole('checkbox', { name: 'web-02' });
  for (let k = 0; k < 40 && !(await server.evaluate((box) => box === document.activeElement)); k += 1)
    await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  await expect(server).toBeChecked();
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Hello on web-02' })).toBeVisible();
  expect(await panel.ask('submitted')).toHaveLength(1);
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keys' });
  await expect(help).toContainText('Search the log');
  await expect(help).toContainText('Go to anything');
  await page.keyboard.press('Escape');
  await page.keyboard.press('f');
  await expect(page.getByRole('button', { name: 'Follow' })).toBeVisible();
  await page.keyboard.press('/');
  await expect(page.getByRole('textbox', { name: 'Search the log' })).toBeFocused();
  await page.keyboard.type('Unpacking');
  await expect(page.locator('.log .hit').first()).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  await expect(page.locator('.log-search .pf-v6-c-badge')).toHaveText(/2 \/ \d+/);
});

test('several jobs are canceled at once', async ({ page }) => {
  await page.goto('/jobs?status=%5B%22queued%22%5D');
  const rows = page.getByRole('grid', { name: 'Jobs' }).locator('tbody tr');
  await expect(rows).toHaveCount(3);
  await page.getByRole('checkbox', { name: 'Select grafana on db-01' }).check();
  await page.getByRole('checkbox', { name: 'Select prometheus on db-02' }).check();
  await page.getByRole('button', { name: 'Cancel 2 jobs' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel them' }).click();
  await expect(rows).toHaveCount(1);
});

test('the list of jobs follows what happens, and the end of a job is told elsewhere', async ({
  page,
  panel,
}) => {
  await panel.tell('hold-jobs');
  await page.goto('/catalogue/hello?server=web-01');
  await expect(page.getByRole('checkbox', { name: 'web-01' })).toBeChecked();
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Hello on web-01' })).toBeVisible();
  const id = new URL(page.url()).pathname.split('/').at(-1);
  await page.getByRole('link', { name: 'Jobs' }).first().click();
  const row = page.getByRole('grid', { name: 'Jobs' }).locator('tbody tr').first();
  await expect(row).toContainText('Running');
  await panel.tell('end-job', { id });
  await expect(row).toContainText('Succeeded');
  await expect(page.getByRole('heading', { name: 'Hello on web-01: succeeded' })).toBeVisible();
});

test('signing in refuses a wrong password, and waits after too many', async ({ page, context }) => {
  await context.clearCookies();
  await page.goto('/servers');
  const signIn = page.getByRole('button', { name: 'Sign in' });
  await page.getByLabel('Name').fill('ann');
  for (let k = 0; k < 11; k += 1) {
    await page.getByLabel('Password').fill('wrong');
    await signIn.click();
    await expect(page.getByRole('alert')).toBeVisible();
  }
  await expect(page.getByRole('alert')).toContainText(/Wait \d+ seconds/);
  await expect(signIn).toBeDisabled();
});

test('signing in shows the page that was asked for; signing out ends it', async ({ page, context }) => {
  await context.clearCookies();
  await page.goto('/servers?status=drained');
  await page.getByLabel('Name').fill('ann');
  await page.getByLabel('Password').fill('correct horse');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('link', { name: 'db-02' })).toBeVisible();
  await expect(page).toHaveURL(/\/servers\?status=drained/);
  await page.getByRole('button', { name: 'Account of ann' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
});

test('the panel away has a page, and it goes on by itself', async ({ page, panel }) => {
  await page.goto('/servers');
  await expect(page.getByRole('link', { name: 'db-02' })).toBeVisible();
  await page.route('**/api/session', (route) => route.abort());
  await page.reload();
  await expect(page.getByRole('heading', { name: 'The panel does not answer' })).toBeVisible();
  await page.unroute('**/api/session');
  await expect(page.getByRole('link', { name: 'db-02' })).toBeVisible();
  await panel.tell('restart', { ms: 600_000 });
  await expect(page.getByText('what you see may be old')).toBeVisible();
  await panel.tell('restart', { ms: 0 });
  await expect(page.getByText('what you see may be old')).toHaveCount(0);
});

test('a server is drained, and one is enrolled by a command to paste', async ({ page }) => {
  await page.goto('/servers/web-01');
  await page.getByRole('button', { name: 'Drain' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
  await expect(page.locator('.page-title .status-label')).toHaveText(/Drained/);
  await page.goto('/servers');
  await page.getByRole('button', { name: 'Enrol a server' }).click();
  await page.getByLabel('Name of the server').fill('-bad');
  await page.getByRole('button', { name: 'Make the command' }).click();
  await expect(page.getByText('Must begin with a letter or digit')).toBeVisible();
  await page.getByLabel('Name of the server').fill('web-03');
  await page.getByRole('button', { name: 'Make the command' }).click();
  const command = page.getByLabel('enrolment command', { exact: true });
  await expect(command).toContainText('--id web-03');
  await expect(command).toContainText('systemctl enable --now provisioning-agent');
  execFileSync('bash', ['-n', '-c', (await command.textContent())!]);
});

test('users and tokens are managed; a token is shown once', async ({ page }) => {
  await page.goto('/settings?tab=users');
  await page.getByRole('button', { name: 'Add a user' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('ben');
  await dialog.getByLabel('First password').fill('short');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await expect(dialog.getByLabel('First password')).toHaveAccessibleDescription(/at least 12 characters/);
  await expect(dialog.getByLabel('First password')).toHaveAttribute('aria-invalid', 'true');
  await dialog.getByLabel('First password').fill('a long enough one');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await expect(dialog.getByLabel('Name')).toHaveAccessibleDescription(/there is a user `ben` already/i);
  await dialog.getByLabel('Name').fill('dora');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await expect(page.getByRole('gridcell', { name: 'dora', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Disable dora' }).click();
  await expect(page.getByRole('button', { name: 'Enable dora' })).toBeVisible();
  await page.getByRole('tab', { name: 'API tokens' }).click();
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('deploy');
  await page.getByRole('button', { name: 'Make it' }).click();
  const token = await page.getByLabel('token', { exact: true }).textContent();
  await page.getByRole('button', { name: 'I have copied it' }).click();
  await expect(page.locator('body')).not.toContainText(token!);
  await page.getByRole('button', { name: 'Revoke deploy' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await expect(page.getByRole('button', { name: 'Revoke deploy' })).toHaveCount(0);
});

test('who is no administrator sees neither users nor audit', async ({ page, context, panel }) => {
  await context.clearCookies();
  await panel.signIn('ben');
  await page.goto('/settings?tab=users');
  await expect(page.getByRole('tab', { name: 'Users' })).toHaveCount(0);
  await expect(page.getByRole('link', { name: 'Audit' })).toHaveCount(0);
  await page.goto('/audit');
  await expect(page.getByRole('heading', { name: 'You may not see this' })).toBeVisible();
});

test('the audit trail is verified, and figures lead to their lists', async ({ page }) => {
  await page.goto('/audit');
  await page.getByRole('button', { name: 'Verify the chain' }).click();
  await expect(page.getByRole('heading', { name: /All \d+ entries are as they were written/ })).toBeVisible();
  await page.goto('/overview');
  await page.getByRole('link', { name: /Servers online/ }).click();
  await expect(page).toHaveURL(/status=unreachable/);
  await expect(page.getByRole('link', { name: 'edge-01.ams' })).toBeVisible();
});

test('a theme that is chosen holds after a reload, from the first paint on', async ({ page }) => {
  await page.goto('/overview');
  await page.getByRole('button', { name: 'Account of ann' }).click();
  await page.getByRole('menuitem', { name: 'Dark' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.reload({ waitUntil: 'commit' });
  await page.waitForSelector('html[data-theme]', { state: 'attached' });
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});
