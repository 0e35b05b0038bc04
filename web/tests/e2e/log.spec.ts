import { known } from '../../mock/known.mjs';
import { expect, readLog, shownLines, test } from './fixtures';

test('1 a log of 200,000 lines opens, scrolls and is searched', async ({ page }) => {
  await page.goto(`/jobs/${known.big}#L150000`);
  await expect
    .poll(async () => [...(await shownLines(page)).keys()], { timeout: 120_000 })
    .toContain(150_000);
  await expect(page.getByTestId('line-count')).toContainText(/20\d,\d{3} lines/, { timeout: 120_000 });
  expect(await page.locator('.log-row').count()).toBeLessThan(90);

  const log = page.getByRole('log');
  await log.focus();
  await page.keyboard.press('Home');
  await expect.poll(async () => Math.min(...(await shownLines(page)).keys())).toBe(1);

  await page.getByRole('textbox', { name: 'Search the log' }).fill('differs');
  const place = page.locator('.log-search .pf-v6-c-badge');
  await expect(place).toHaveText(/1 \/ 8,\d{3}/);
  await page.keyboard.press('Enter');
  await expect(place).toHaveText(/2 \/ 8,\d{3}/);
  await expect(page.locator('.log .hit').first()).toHaveText('differs');
});

test('2 a permalink to a range of lines opens there, in a running job too @phone', async ({ page }) => {
  await page.goto(`/jobs/${known.live}#L100-L103`);
  const selected = page.locator('.log-row.is-selected .log-number[data-line]');
  await expect(selected).toHaveCount(4);
  await expect(selected.first()).toBeVisible();
  expect((await shownLines(page)).has(100)).toBe(true);
  await page.locator('.log-number', { hasText: /^105$/ }).click({ modifiers: ['Shift'] });
  await expect(page).toHaveURL(/#L100-L105$/);
  await page.locator('.log-number', { hasText: /^104$/ }).click();
  await expect(page).toHaveURL(/#L104$/);
});

test('3 no line is missing or doubled after the panel restarted, and the page says complete', async ({
  page,
  panel,
}) => {
  await page.goto('/catalogue/hello?server=web-02');
  await page.getByRole('button', { name: 'Install on web-02' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Hello on web-02' })).toBeVisible();
  await expect(page.getByTestId('line-count')).not.toContainText(/^\d lines|^0 lines/);
  await panel.tell('restart', { ms: 1500 });
  await expect(page.getByText('trying again')).toBeVisible();
  await expect(page.getByText('Succeeded', { exact: true })).toBeVisible();
  await expect(page.getByText('complete', { exact: true })).toBeVisible();
  await expect(page.getByTestId('line-count')).toHaveText('130 lines');

  const id = page.url().split('/').at(-1);
  const { lines } = await (await page.request.get(`/api/jobs/${id}/log?limit=1000`)).json();
  const seen = await readLog(page, lines.length);
  const escapes = /\u001b\[[0-9;]*m/g;
  for (const { n, text } of lines) {
    if (!text.startsWith('::')) expect(seen.get(n)).toBe(text.replace(escapes, ''));
  }
});

test('a log that the panel removed is said to be removed, and nothing leads to its lines', async ({
  page,
}) => {
  const job = `/api/jobs/${known.failed}`;
  await page.goto(`/jobs/${known.failed}`);
  await expect(page.getByRole('button', { name: /^Go to line/ })).toBeVisible();
  await page.route(`**${job}`, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    body.log.removed_at = '2026-11-29T01:00:00.000Z';
    await route.fulfill({ response, json: body });
  });
  // What the page before asks for late is not asked by the next one.
  await page.goto('about:blank');
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`/jobs/${known.failed}`);
  const note = page.getByRole('heading', { name: /The log was removed/ }).locator('..');
  await expect(note.locator('time')).toHaveAttribute('datetime', '2026-11-29T01:00:00.000Z');
  await expect(page.getByText('Nothing was printed')).toBeHidden();
  await expect(page.getByText('could not be read')).toBeHidden();
  await expect(page.getByRole('button', { name: /^Go to (line|the last)/ })).toBeHidden();
  await expect(page.getByRole('list').getByText('Install packages')).toBeVisible();
  await expect(page.getByRole('button', { name: /go to line/ })).toHaveCount(0);
  expect(asked).not.toContain(`${job}/log`);
});

// How many frames a second it paints meanwhile, `./dev bench web` says.
test('a log of 5,000 lines a second stays with who reads it', async ({ page }) => {
  await page.goto(`/jobs/${known.burst}`);
  await expect(page.getByTestId('line-count')).toContainText(/[1-9]\d,\d{3} lines/);
  await page.getByRole('log').focus();
  await page.keyboard.press('PageUp');
  await expect(page.getByRole('button', { name: 'Follow' })).toBeVisible();
  await page.waitForTimeout(200);
  const top = Math.min(...(await shownLines(page)).keys());
  await page.waitForTimeout(700);
  expect(Math.min(...(await shownLines(page)).keys())).toBe(top);
});

test('a hostile log is shown as text, and changes nothing', async ({ page, accessible }) => {
  await page.goto(`/jobs/${known.hostile}`);
  // Whose an external job is stays a claim.
  await expect(page.getByText('(its order says <i>root</i>, which was not checked)')).toBeVisible();
  await expect(page.getByText('<script>alert(1)</script>')).toBeVisible();
  await expect(page.locator('.log a[href^="javascript"], .log img, .log b')).toHaveCount(0);
  await expect(page).toHaveTitle(/Hello on cache-01/);
  await accessible();
});

test('a log folds, wraps, shows stderr only, and is downloaded', async ({ page }) => {
  await page.goto(`/jobs/${known.failed}#L1`);
  await expect(page.locator('.log-row.is-selected')).toHaveCount(1);
  await page.getByRole('button', { name: 'Fold Check the server' }).click();
  await expect.poll(async () => [...(await shownLines(page)).keys()].slice(0, 2)).toEqual([1, 93]);
  await page.getByRole('button', { name: 'stderr only' }).click();
  await expect.poll(async () => (await shownLines(page)).has(371)).toBe(true);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download as text' }).click();
  expect((await download).suggestedFilename()).toMatch(/^job-.*-attempt-1\.log$/);
});
