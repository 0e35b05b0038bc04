// How the days of a person go: looking for a job, running one again, by keyboard alone, in ten tabs.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIRequestContext, Locator, Page } from '@playwright/test';
import { expect, install, person, server, stateOf, test } from './fixtures';

/** One server runs one job after the other: what a test leaves running, the next one would wait for. */
test.afterEach(async ({ elsewhere }) => {
  const active = 'status=queued&status=dispatched&status=accepted&status=running';
  const left = async () => (await (await elsewhere.get(`/api/jobs?${active}`)).json()).items;
  for (const { id } of await left()) await elsewhere.post(`/api/jobs/${id}/cancel`);
  await expect.poll(left).toEqual([]);
});

/** Starts so many jobs without a page; they are over when this ends. The ids, the oldest first. */
async function runMany(
  api: APIRequestContext,
  count: number,
  app: string,
  inputs: object = {},
): Promise<string[]> {
  const ids: string[] = [];
  for (let k = 0; k < count; k += 1) {
    const made = await api.post('/api/jobs', { data: { app_id: app, server_id: server, inputs } });
    expect(made.status()).toBe(202);
    ids.push((await made.json()).id);
  }
  const last = async () => (await (await api.get(`/api/jobs/${ids.at(-1)}`)).json()).status;
  await expect.poll(last, { timeout: 60_000 }).toMatch(/succeeded|failed/);
  return ids;
}

test('10 run again fills the form without secrets, and shows what differs from then', async ({ page }) => {
  await page.goto(`/catalogue/sealed?server=${server}`);
  await page.getByLabel('Level').fill('5');
  await page.getByRole('textbox', { name: 'Password' }).fill('the first secret');
  await page.keyboard.press('Control+Enter');
  await expect(stateOf(page)).toHaveText(/Succeeded/);
  const first = page.url();
  await page.getByRole('link', { name: 'Run again' }).click();
  const password = page.getByRole('textbox', { name: 'Password' });
  await expect(page.getByLabel('Level')).toHaveValue('5');
  await expect(page.getByRole('checkbox', { name: server })).toBeChecked();
  await expect(password).toHaveValue('');
  const differences = page.getByRole('region', { name: 'What differs' });
  await expect(differences).toContainText('Nothing differs.');
  await page.getByLabel('Level').fill('6');
  await expect(differences).toContainText('5 → 6');
  // The sealed one is not taken over, and must be typed again.
  await page.keyboard.press('Control+Enter');
  await expect(password).toBeFocused();
  await password.fill('another secret');
  await expect(differences).not.toContainText('secret');
  await page.keyboard.press('Control+Enter');
  await expect(page).not.toHaveURL(/catalogue/);
  expect(page.url()).not.toBe(first);
  await expect(stateOf(page)).toHaveText(/Succeeded/);
  const { inputs } = await (await page.request.get(`/api/jobs/${page.url().split('/').at(-1)}`)).json();
  expect(inputs).toEqual({ level: 6, password: { sealed: true } });
});

test('14 filters, page and saved views live in the address, and Back works', async ({ page, elsewhere }) => {
  const failed = await runMany(elsewhere, 27, 'failing', { exit_code: 3 });
  const [succeeded] = await runMany(elsewhere, 1, 'failing', { exit_code: 0 });
  await page.goto('/jobs');
  const rows = page.getByRole('grid', { name: 'Jobs' }).locator('tbody tr');
  const jobs = () =>
    rows
      .getByRole('link', { name: /^failing/i })
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')!.split('/').at(-1)));
  const newestFirst = failed.toReversed();
  await page.getByLabel('Installer', { exact: true }).selectOption('failing');
  await expect(page).toHaveURL(/app=failing/);
  await expect.poll(jobs).toContain(succeeded);
  await page.getByRole('button', { name: /^Failed/ }).click();
  await expect(page).toHaveURL(/status=/);
  await expect.poll(jobs).toEqual(newestFirst.slice(0, 25));
  const filtered = page.url();
  await page.getByRole('button', { name: 'Older' }).click();
  await expect(page).toHaveURL(/page=/);
  await expect.poll(jobs).toEqual(expect.arrayContaining(newestFirst.slice(25)));
  // The address alone says which page it is.
  await page.reload();
  await expect.poll(jobs).toEqual(expect.arrayContaining(newestFirst.slice(25)));
  await page.goBack();
  await expect(page).toHaveURL(filtered);
  await expect.poll(jobs).toEqual(newestFirst.slice(0, 25));
  await expect(page.getByRole('button', { name: /^Failed \d/ })).toHaveAttribute('aria-pressed', 'true');
  await page.goBack();
  await expect(page).not.toHaveURL(/status=/);
  await expect.poll(jobs).toContain(succeeded);
  await page.goto(filtered);
  await page.getByRole('button', { name: 'Save this view' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('What failed');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  // Kept with the account: another session of the same person has it.
  const kept = async () => (await (await elsewhere.get('/api/session/preferences')).json()).views;
  await expect.poll(kept).toEqual([{ name: 'What failed', query: new URL(filtered).search }]);
  await page.goto('/jobs');
  await page.getByRole('button', { name: 'What failed', exact: true }).click();
  await expect(page).toHaveURL(filtered);
  await expect.poll(jobs).toEqual(newestFirst.slice(0, 25));
  await page.getByRole('button', { name: 'Remove the view What failed' }).click();
  await expect.poll(kept).toEqual([]);
  await page.goto('/catalogue?q=web+server&sort=name');
  await expect(page.getByRole('textbox', { name: 'Search the catalogue' })).toHaveValue('web server');
});

/** Presses Tab, as somebody without a mouse does, until this has the focus, and shows it. */
async function tabTo(page: Page, goal: Locator) {
  await goal.waitFor();
  const focused = () => goal.evaluate((element) => element === document.activeElement);
  for (let k = 0; k < 80 && !(await focused()); k += 1) await page.keyboard.press('Tab');
  await expect(goal).toBeFocused();
  expect(await goal.evaluate((element) => element.matches(':focus-visible'))).toBe(true);
}

test('15 everything is done by keyboard alone, from signing in to a cancel, and ? lists the keys', async ({
  page,
  context,
}) => {
  await context.clearCookies();
  await page.goto('/overview');
  await tabTo(page, page.getByLabel('Name'));
  await page.keyboard.type(person.name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(person.password);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  await page.keyboard.press('Control+K');
  await expect(page.getByRole('combobox')).toBeFocused();
  await page.keyboard.type('holds on');
  await expect(page.getByRole('option', { selected: true })).toContainText('Holds on');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1, name: /Install Holds on/ })).toBeVisible();
  const choice = page.getByRole('checkbox', { name: server });
  await tabTo(page, choice);
  await page.keyboard.press('Space');
  await expect(choice).toBeChecked();
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('heading', { level: 1, name: `Holds on on ${server}` })).toBeVisible();
  await expect(stateOf(page)).toHaveText(/Running/);
  await page.keyboard.press('?');
  const keys = page.getByRole('dialog', { name: 'Keys' });
  await expect(keys).toContainText('Search the log');
  await page.keyboard.press('Escape');
  await expect(keys).toHaveCount(0);
  await page.keyboard.press('/');
  await page.keyboard.type('needle');
  const place = page.locator('.log-search .pf-v6-c-badge');
  await expect(place).toHaveText(/^1 \/ 2/);
  await page.keyboard.press('Escape');
  await page.keyboard.press('n');
  await expect(place).toHaveText(/^2 \/ 2/);
  // Whoever looks at a line does not follow; a key goes on with that.
  await expect(page.getByRole('button', { name: 'Follow' })).toBeVisible();
  await page.keyboard.press('f');
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await tabTo(page, page.getByRole('tab', { name: 'Log', exact: true }));
  await tabTo(page, page.getByRole('tab', { name: 'Details' }));
  await page.keyboard.press('Enter');
  await expect(page.getByText('Its digest')).toBeVisible();
  await tabTo(page, page.getByRole('button', { name: 'Cancel job' }));
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('button', { name: 'Cancel the job' }));
  await page.keyboard.press('Enter');
  await expect(stateOf(page)).toHaveText(/Canceled/);
});

test('20 ten tabs use one stream, and each of them is up to date', async ({ page, context, elsewhere }) => {
  const streams = async () => {
    const metrics = await (await elsewhere.get('/api/metrics')).text();
    return Number(/^provisioning_streams (\d+)$/m.exec(metrics)![1]);
  };
  const id = await install(page, 'talks');
  const tabs = [page];
  for (let k = 1; k < 10; k += 1) {
    const tab = await context.newPage();
    await tab.goto(k % 2 ? `/jobs/${id}` : '/jobs');
    tabs.push(tab);
  }
  await expect.poll(streams).toBe(1);
  const count = async (tab: Page) =>
    Number((await tab.getByTestId('line-count').textContent())!.replace(/\D/g, ''));
  for (const tab of tabs.filter((_, k) => k % 2 === 1)) {
    const before = await count(tab);
    await expect.poll(() => count(tab)).toBeGreaterThan(before);
  }
  // The tab that has the stream is closed: another one takes over.
  await page.close();
  const [, first, list] = tabs as [Page, Page, Page];
  const before = await count(first);
  await expect.poll(() => count(first)).toBeGreaterThan(before + 5);
  await expect.poll(streams).toBe(1);
  await elsewhere.post(`/api/jobs/${id}/cancel`);
  await expect(stateOf(first)).toHaveText(/Canceled/);
  await expect(list.getByRole('grid', { name: 'Jobs' }).locator('tbody tr').first()).toContainText(
    'Canceled',
  );
});

test('21 times show in the zone of the user, with the exact one on hover, and durations tick', async ({
  page,
  elsewhere,
}) => {
  const id = await install(page, 'talks');
  await expect(stateOf(page)).toHaveText(/Running/);
  const { created_at: at } = await (await elsewhere.get(`/api/jobs/${id}`)).json();
  const inZone = (timeZone: string) => new Date(at).toLocaleString('sv-SE', { timeZone });
  const created = page.locator('.facts time').first();
  await expect(created).toHaveText(inZone('Europe/Berlin'));
  const exact = new RegExp(`^${inZone('Europe/Berlin')}[.,]${at.slice(20, 23)} `);
  await expect(created).toHaveAttribute('title', exact);
  const took = page.locator('.facts .number').first();
  const before = await took.textContent();
  await expect.poll(() => took.textContent()).not.toBe(before);

  await page.goto('/settings');
  await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
  const zone = async () => (await (await elsewhere.get('/api/session/preferences')).json()).time_zone;
  await expect.poll(zone).toBe('Asia/Tokyo');
  await page.goto(`/jobs/${id}`);
  await expect(created).toHaveText(inZone('Asia/Tokyo'));
  await page.goto('/settings');
  await page.getByLabel('Time zone').selectOption('local');
  await expect.poll(zone).toBe('local');
  await elsewhere.post(`/api/jobs/${id}/cancel`);
});

test('row 6 a page of another origin in the same browser changes nothing', async ({
  page,
  baseURL,
  guard,
  elsewhere,
}) => {
  // Another port is another origin and the same site: the browser sends the cookie along.
  const other = createServer((_request, answer) =>
    answer.setHeader('Content-Type', 'text/html').end('<!doctype html><title>another site</title>'),
  ).listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const before = await (await elsewhere.get('/api/jobs?limit=1')).json();
  const refusals: [string, number][] = [];
  page.on('response', (answer) => {
    if (answer.request().method() === 'POST') refusals.push([answer.url(), answer.status()]);
  });
  await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
  const job = { app_id: 'hello', server_id: server, inputs: {} };
  await page.evaluate(
    async ([url, data]) => {
      const sent = { method: 'POST', mode: 'no-cors', credentials: 'include', body: data } as const;
      await fetch(`${url}/api/jobs`, sent).catch(() => undefined);
      // A form sends what it is told to, as text.
      const form = document.createElement('form');
      Object.assign(form, { method: 'post', enctype: 'text/plain', action: `${url}/api/jobs` });
      const field = document.createElement('input');
      Object.assign(field, { name: data!.slice(0, -1), value: '}' });
      form.append(field);
      document.body.append(form);
      form.submit();
    },
    [baseURL, JSON.stringify(job)],
  );
  await expect.poll(() => refusals).toEqual(Array(2).fill([`${baseURL}/api/jobs`, 403]));
  expect(await (await elsewhere.get('/api/jobs?limit=1')).json()).toEqual(before);
  other.close();
  guard.splice(0);
});

test('row 10 a session that was signed out is of no use, nor is its cookie put back', async ({
  page,
  context,
}) => {
  await page.goto('/jobs');
  const cookies = await context.cookies();
  expect(cookies).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }]);
  await page.getByRole('button', { name: `Account of ${person.name}` }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  expect(await context.cookies()).toEqual([]);
  await context.addCookies(cookies);
  await page.goto('/jobs');
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  expect((await page.request.get('/api/jobs')).status()).toBe(401);
});
