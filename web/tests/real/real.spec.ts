import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { expect, install, navigate, person, readLog, server, shownLines, stateOf, test } from './fixtures';

test('a person signs in, and is shown the page that was asked for @phone', async ({
  page,
  context,
  accessible,
}) => {
  await context.clearCookies();
  await page.goto('/servers');
  await page.getByLabel('Name').fill(person.name);
  await page.getByLabel('Password').fill('not the password');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toBeVisible();
  await accessible();
  await page.getByLabel('Password').fill(person.password);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('link', { name: server })).toBeVisible();
  await expect(page).toHaveURL(/\/servers/);
});

test('hello is installed, and watched until it is complete @phone', async ({ page, accessible }) => {
  const id = await install(page, 'hello', { Greeting: 'Good morning from a browser' });
  await expect(page.getByRole('heading', { level: 1, name: `Hello on ${server}` })).toBeVisible();
  await expect(stateOf(page)).toHaveText(/Succeeded/);
  await expect(page.getByText('complete', { exact: true })).toBeVisible();
  const { lines } = await (await page.request.get(`/api/jobs/${id}/log?limit=1000`)).json();
  expect(lines.length).toBeGreaterThan(0);
  await expect(page.getByTestId('line-count')).toHaveText(new RegExp(`^${lines.length} lines?$`));
  await accessible();
  await page.getByRole('tab', { name: 'Inputs and outputs' }).click();
  await expect(page.getByText('Good morning from a browser')).toBeVisible();
  await page.goto(`/servers/${server}`);
  await expect(page.getByText('Hello').first()).toBeVisible();
});

test('a log grows as the script prints it', async ({ page }) => {
  await install(page, 'ticking');
  await expect(stateOf(page)).toHaveText(/Running/);
  const count = async () => Number((await page.getByTestId('line-count').textContent())!.replace(/\D/g, ''));
  await expect.poll(count).toBeGreaterThan(2);
  const before = await count();
  await expect.poll(count).toBeGreaterThan(before);
  await expect(stateOf(page)).toHaveText(/Succeeded/);
});

test('4 a cancel shows "Canceling" until the last process is gone, then says so @phone', async ({ page }) => {
  await install(page, 'sleepy');
  await expect(stateOf(page)).toHaveText(/Running/);
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
  await expect(stateOf(page)).toHaveText(/Canceling/);
  await expect(page.getByText('counts as canceled when its last process is gone').first()).toBeVisible();
  await expect(stateOf(page)).toHaveText(/Canceled/);
  await expect(page.getByText('complete', { exact: true })).toBeVisible();
});

test('a failed job says why, and is run again with other inputs @phone', async ({ page, accessible }) => {
  await install(page, 'failing', { 'Exit code': '3' });
  await expect(stateOf(page)).toHaveText(/Failed/);
  await expect(page.getByRole('heading', { name: 'Installed, but not as it should be' })).toBeVisible();
  await expect(page.getByText('exit code 3: configuration error')).toBeVisible();
  await accessible();
  await page.getByRole('link', { name: 'Run again' }).click();
  await expect(page.getByLabel('Exit code')).toHaveValue('3');
  await page.getByLabel('Exit code').fill('0');
  await expect(page.getByRole('region', { name: 'What differs' })).toContainText('3 → 0');
  await page.keyboard.press('Control+Enter');
  await expect(stateOf(page)).toHaveText(/Succeeded/);
});

test('12 a job that failed in passing is tried again by itself @phone', async ({ page }) => {
  await install(page, 'second-try');
  await expect(page.getByRole('heading', { name: /Attempt 2 of 3 starts in/ })).toBeVisible();
  await expect(stateOf(page)).toHaveText(/Succeeded/);
  await page.getByRole('button', { name: 'Attempt 1', exact: true }).click();
  await expect.poll(async () => [...(await shownLines(page)).values()]).toContain('the first time it fails');
});

test('6 every bad field is marked at once, and nothing is sent @phone', async ({ page, accessible }) => {
  const sent = async () => (await (await page.request.get('/api/jobs?app_id=form')).json()).items;
  const before = await sent();
  await page.goto(`/catalogue/form?server=${server}`);
  await page.getByLabel('Port').fill('70000');
  await page.getByLabel('Host name').fill('under_score');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('heading', { name: '2 fields need a change' })).toBeVisible();
  await expect(page.getByLabel('Host name')).toBeFocused();
  await expect(page.getByText('Must be a port number from 1 to 65535.')).toBeVisible();
  await accessible();
  expect(await sent()).toEqual(before);
});

test('5 a hidden value is not sent, and the panel takes the rest as it is', async ({ page }) => {
  await page.goto(`/catalogue/form?server=${server}`);
  await page.getByLabel('Host name').fill('www.example.test');
  await page.getByLabel('TLS', { exact: true }).selectOption('given');
  await page.getByLabel('Note on TLS').fill('typed, then hidden');
  await page.getByLabel('TLS', { exact: true }).selectOption('none');
  await expect(page.getByLabel('Note on TLS')).toHaveCount(0);
  await page.keyboard.press('Control+Enter');
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  const job = await (await page.request.get(`/api/jobs/${page.url().split('/').at(-1)}`)).json();
  expect(job.inputs).toEqual({ host: 'www.example.test', port: 80, tls: 'none' });
  await expect(stateOf(page)).toHaveText(/Succeeded/);
});

test('6 what only the panel finds wrong is marked at its field', async ({ page, tighten, accessible }) => {
  await page.goto(`/catalogue/strict?server=${server}`);
  const host = page.getByLabel('Host name');
  await host.fill('www.example.test');
  await tighten('strict');
  await page.keyboard.press('Control+Enter');
  await expect(host).toBeFocused();
  await expect(host).toHaveAttribute('aria-invalid', 'true');
  await expect(host).toHaveAccessibleDescription(/pattern|form|match/i);
  await expect(host).toHaveValue('www.example.test');
  await accessible();
  await host.fill('ok.example.test');
  await page.keyboard.press('Control+Enter');
  await expect(stateOf(page)).toHaveText(/Succeeded/);
});

test('7 a generated password is used as it was shown, and shown by nothing again', async ({
  page,
  context,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`/catalogue/sealed?server=${server}`);
  await page.getByRole('button', { name: 'Generate: Password' }).click();
  const password = (await page.locator('.generated code').textContent())!;
  await page.getByRole('button', { name: 'Copy and hide it' }).click();
  await page.keyboard.press('Control+Enter');
  await expect(stateOf(page)).toHaveText(/Succeeded/);
  const digest = createHash('sha256').update(password).digest('hex');
  await expect.poll(async () => [...(await shownLines(page)).values()]).toContain(`${digest}  -`);
  await expect.poll(async () => [...(await shownLines(page)).values()]).toContain('it is [masked]');
  await page.getByRole('tab', { name: 'Inputs and outputs' }).click();
  await expect(page.getByText('sealed, nobody can read it here')).toBeVisible();
  await expect(page.locator('body')).not.toContainText(password);
});

test('8 what was typed outlives the session, and goes on after signing in again', async ({
  page,
  elsewhere,
}) => {
  await page.goto(`/catalogue/sealed?server=${server}`);
  await page.getByLabel('Level').fill('7');
  await page.getByRole('textbox', { name: 'Password' }).fill('correct horse');
  expect((await elsewhere.delete('/api/sessions')).status()).toBe(204);
  await page.keyboard.press('Control+Enter');
  const dialog = page.getByRole('dialog', { name: 'Your session is over' });
  await dialog.getByLabel('Password').fill(person.password);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByLabel('Level')).toHaveValue('7');
  await expect(page.getByRole('textbox', { name: 'Password' })).toHaveValue('correct horse');
  await page.keyboard.press('Control+Enter');
  await expect(stateOf(page)).toHaveText(/Succeeded/);
});

test('9, 22 what cannot run there, and what cannot run at all, says why', async ({ page }) => {
  await page.goto('/catalogue/greedy');
  await expect(page.getByRole('checkbox', { name: server })).toBeDisabled();
  await expect(page.locator('.server-option')).toContainText(
    /9000000 MB of memory are needed, there are \d+/,
  );
  await page.goto('/catalogue/broken');
  await expect(page.getByText('manifest.yml:3:1')).toBeVisible();
  await expect(page.getByText('did you mean `timeout_seconds`?')).toBeVisible();
});

test('11 a failed job names the cause and the remedy, and jumps to the line', async ({ page }) => {
  await install(page, 'explains');
  await expect(page.getByRole('heading', { name: 'Another program has the port.' })).toBeVisible();
  await expect(page.getByText('Stop it. Trying again may help.')).toBeVisible();
  await page.getByRole('button', { name: 'Go to line 51' }).click();
  await expect(page.locator('.log-row.is-selected')).toContainText('bind: address in use');
  await expect(page).toHaveURL(/#L51$/);
});

test('12 a waiting retry is hurried', async ({ page }) => {
  await install(page, 'hurried');
  await expect(page.getByRole('heading', { name: /Attempt 2 of 2 starts in/ })).toBeVisible();
  await page.getByRole('button', { name: 'Try now' }).click();
  await expect(stateOf(page)).toHaveText(/Succeeded/);
});

test('13 a job says what it waits for: its turn, a server that is drained', async ({ page }) => {
  const before = await install(page, 'sleepy');
  await expect(stateOf(page)).toHaveText(/Running/);
  await install(page, 'hello');
  await expect(page.getByRole('heading', { name: 'Waiting: place 1 in the queue' })).toBeVisible();
  const queued = page.url();
  await page.goto(`/servers/${server}`);
  await page.getByRole('button', { name: 'Drain' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
  await page.goto(`/jobs/${before}`);
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
  await expect(stateOf(page)).toHaveText(/Canceled/);
  await page.goto(`/servers/${server}`);
  await expect(page.locator('.page-title .status-label')).toHaveText(/Drained/);
  await install(page, 'hello');
  await expect(page.getByRole('heading', { name: 'Waiting: the server is drained' })).toBeVisible();
  const drained = page.url();
  await page.goto(`/servers/${server}`);
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Resume' }).click();
  for (const job of [queued, drained]) {
    await page.goto(job);
    await expect(stateOf(page)).toHaveText(/Succeeded/);
  }
});

test('19 a form as curl and as provisionctl, pasted, makes the same job', async ({ page, elsewhere }) => {
  const made = await elsewhere.post('/api/tokens', { data: { name: 'pasted', scopes: ['jobs'] } });
  const { token } = await made.json();
  await page.goto(`/catalogue/sealed?server=${server}`);
  await page.getByLabel('Level').fill('9');
  await page.getByRole('textbox', { name: 'Password' }).fill(`it's a "secret"`);
  await page.getByRole('button', { name: 'Copy as command' }).click();
  const commands = await Promise.all(
    ['curl command', 'provisionctl command'].map((label) =>
      page.getByLabel(label, { exact: true }).textContent(),
    ),
  );
  const env = { ...process.env, PASSWORD: `it's a "secret"`, PROVISIONCTL_TOKEN: token };
  for (const command of commands) {
    expect(command).not.toContain('secret"');
    execFileSync('bash', ['-c', command!], { env, stdio: 'pipe' });
  }
  const { items } = await (await page.request.get('/api/jobs?app_id=sealed&limit=2')).json();
  const inputs = { level: 9, password: { sealed: true } };
  expect(items).toMatchObject([{ inputs }, { inputs }]);
  const digest = createHash('sha256').update(`it's a "secret"`).digest('hex');
  for (const { id } of items) {
    await page.goto(`/jobs/${id}`);
    await expect(stateOf(page)).toHaveText(/Succeeded/);
    await expect.poll(async () => [...(await shownLines(page)).values()]).toContain(`${digest}  -`);
  }
});

test('a token that is made here works, and is refused once it is revoked', async ({
  page,
  playwright,
  baseURL,
}) => {
  await page.goto('/settings?tab=tokens');
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('deploy');
  await page.getByRole('button', { name: 'Make it' }).click();
  const token = await page.getByLabel('token', { exact: true }).textContent();
  await page.getByRole('button', { name: 'I have copied it' }).click();
  const program = await playwright.request.newContext({
    baseURL,
    extraHTTPHeaders: { Authorization: `Bearer ${token}` },
  });
  const asked = async () => (await program.get('/api/jobs')).status();
  expect(await asked()).toBe(200);
  await page.getByRole('button', { name: 'Revoke deploy' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await expect(page.getByRole('button', { name: 'Revoke deploy' })).toHaveCount(0);
  await expect.poll(asked).toBe(401);
  await program.dispose();
});

test('1, 2 a permalink into a log of 100,000 lines opens there, and it is searched @phone', async ({
  page,
}) => {
  const id = await install(page, 'big-log');
  await expect(stateOf(page)).toHaveText(/Succeeded/, { timeout: 60_000 });
  await page.goto(`/jobs/${id}#L70000-L70002`);
  await expect.poll(async () => (await shownLines(page)).get(70_000), { timeout: 60_000 }).toBe('line 70000');
  await expect(page.locator('.log-row.is-selected .log-number[data-line]')).toHaveCount(3);
  await expect(page.getByTestId('line-count')).toHaveText('100,000 lines', { timeout: 60_000 });
  await page.getByRole('textbox', { name: 'Search the log' }).fill('line 99999');
  await expect(page.locator('.log-search .pf-v6-c-badge')).toHaveText(/^1 \/ 1/, { timeout: 60_000 });
});

test('3 no line is missing or doubled after the panel was killed in mid-job, and the page says complete @phone', async ({
  page,
  restart,
}) => {
  const id = await install(page, 'ticking');
  await expect(stateOf(page)).toHaveText(/Running/);
  await expect.poll(async () => (await shownLines(page)).size).toBeGreaterThan(2);
  const back = restart(1500);
  await expect(page.getByText('trying again')).toBeVisible();
  await back;
  await expect(stateOf(page)).toHaveText(/Succeeded/, { timeout: 60_000 });
  await expect(page.getByText('complete', { exact: true })).toBeVisible();
  await expect(page.getByTestId('line-count')).toHaveText('100 lines');
  const seen = await readLog(page, 100);
  expect([...seen].sort(([a], [b]) => a - b).map(([, text]) => text)).toEqual(
    Array.from({ length: 100 }, (_, k) => `tick ${k + 1}`),
  );
  const { log } = await (await page.request.get(`/api/jobs/${id}`)).json();
  expect(log).toMatchObject({ lines: 100, complete: true, dropped_bytes: 0 });
});

test('row 11 hostile names, inputs and logs are text that does nothing @phone', async ({
  page,
  accessible,
}) => {
  const hostile = "<img src=x onerror=document.title='owned'>";
  const isInert = async () => {
    expect(await page.title()).not.toBe('owned');
    const made = page.locator('img[src="x"], script:not([src]), a[href^="javascript"], .log b');
    await expect(made).toHaveCount(0);
  };
  await page.goto('/catalogue');
  await expect(page.getByText(hostile).filter({ visible: true }).first()).toBeVisible();
  await isInert();
  const id = await install(page, 'hostile');
  await expect(stateOf(page)).toHaveText(/Succeeded/);
  await expect(page.getByText('complete', { exact: true })).toBeVisible();
  // On a phone lines wrap, and one of them has a thousand screens.
  const wrap = page.getByRole('button', { name: 'Wrap', exact: true });
  if ((await wrap.getAttribute('aria-pressed')) === 'true') await wrap.click();
  await expect
    .poll(async () => [...(await shownLines(page)).values()])
    .toEqual(expect.arrayContaining([hostile, "<script>document.title='owned'</script>", 'the last line']));
  await isInert();
  await accessible();
  for (const path of [`/jobs/${id}?tab=values`, `/jobs/${id}?tab=details`, `/catalogue/hostile?from=${id}`]) {
    await page.goto(path);
    await expect(page.getByText(hostile).filter({ visible: true }).first()).toBeVisible();
    await isInert();
  }
  await page.goto('/jobs');
  await expect(page.getByRole('link', { name: 'hostile 1.0' }).first()).toBeVisible();
  await isInert();
});

test('16, 18 no page breaks the policy or a rule of accessibility @phone', async ({ page, accessible }) => {
  const id = await install(page, 'hello');
  await expect(stateOf(page)).toHaveText(/Succeeded/);
  for (const path of [
    '/overview',
    '/catalogue',
    '/catalogue/nginx',
    `/catalogue/hello?from=${id}`,
    '/jobs',
    `/jobs/${id}?tab=details`,
    `/jobs/${id}?tab=audit`,
    '/servers',
    `/servers/${server}`,
    '/audit',
    '/settings',
    '/settings?tab=users',
    '/settings?tab=tokens',
    '/nowhere',
  ]) {
    await test.step(path, async () => {
      await navigate(page, path);
      await expect(page.locator('#main h1')).toBeVisible();
      await expect(page.locator('.loading-rows')).toHaveCount(0);
      await expect(page.getByRole('heading', { name: /cannot be shown|does not answer/ })).toHaveCount(0);
      await accessible();
    });
  }
});
