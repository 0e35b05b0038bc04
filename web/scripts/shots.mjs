// Pictures of every page, in both widths and both themes, into shots/. Needs a build; starts a mock of its own.
// node scripts/shots.mjs [--tall] [part of a name..]: with --tall 2,400 pixels of each page instead of a screen.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from '@playwright/test';
import { crowdedInstaller } from '../mock/crowd.mjs';
import { known } from '../mock/known.mjs';

const port = 8191;
const base = `http://127.0.0.1:${port}`;
const folder = new URL('../shots/', import.meta.url).pathname;
const tall = process.argv.includes('--tall');
const widths = {
  1440: { width: 1440, height: tall ? 2400 : 900 },
  390: { width: 390, height: tall ? 2400 : 844 },
};

const press = (name) => (page) => page.getByRole('button', { name }).first().click();
const pages = {
  overview: { path: '/overview' },
  catalogue: { path: '/catalogue' },
  'catalogue-nothing': { path: '/catalogue?q=zzz' },
  form: { path: '/catalogue/postgresql' },
  'form-errors': {
    path: '/catalogue/postgresql',
    act: (page) => page.locator('.form-actions button').first().click(),
  },
  'form-again': {
    path: `/catalogue/postgresql?from=${known.succeeded}`,
    act: async (page) => {
      await page.getByLabel('Database name').fill('invoices');
      await page.getByRole('button', { name: /^Generate/ }).click();
    },
  },
  'form-command': {
    path: `/catalogue/postgresql?from=${known.succeeded}`,
    act: async (page) => {
      await page.getByRole('button', { name: /^Generate/ }).click();
      await page.getByRole('button', { name: 'Copy as command' }).click();
    },
  },
  invalid: { path: '/catalogue/haproxy' },
  jobs: { path: '/jobs' },
  'jobs-selected': {
    path: '/jobs?status=%5B%22queued%22%5D',
    act: (page) => page.getByRole('checkbox').first().click(),
  },
  'job-live': { path: `/jobs/${known.live}` },
  'job-failed': { path: `/jobs/${known.failed}` },
  'job-retry': { path: `/jobs/${known.retry}` },
  'job-queued': { path: `/jobs/${known.queued}` },
  'job-succeeded': { path: `/jobs/${known.succeeded}#L10-L14` },
  'job-hostile': { path: `/jobs/${known.hostile}` },
  'job-values': { path: `/jobs/${known.succeeded}?tab=values` },
  'job-audit': { path: `/jobs/${known.succeeded}?tab=audit` },
  'job-cancel': { path: `/jobs/${known.live}`, act: press('Cancel job') },
  'job-unknown': { path: '/jobs/01990000-0000-7000-8000-999999999999' },
  servers: { path: '/servers' },
  server: { path: '/servers/db-01' },
  'server-old': { path: '/servers/legacy-01' },
  'server-enrol': {
    path: '/servers',
    act: async (page) => {
      await page.getByRole('button', { name: 'Enrol a server' }).click();
      await page.getByLabel('Name of the server').fill('web-03');
      await page.getByRole('button', { name: 'Make the command' }).click();
    },
  },
  audit: { path: '/audit', act: press('Verify the chain') },
  settings: { path: '/settings' },
  'settings-users': { path: '/settings?tab=users' },
  'settings-tokens': { path: '/settings?tab=tokens' },
  palette: { path: '/catalogue', act: (page) => page.keyboard.press('Control+K') },
  help: { path: `/jobs/${known.live}`, act: (page) => page.keyboard.press('?') },
  'page-unknown': { path: '/nowhere' },
  'sign-in': { path: '/overview', signedOut: true },
  'sign-in-refused': {
    path: '/overview',
    signedOut: true,
    act: async (page) => {
      await page.getByLabel('Name').fill('ann');
      await page.getByLabel('Password').fill('wrong');
      await page.keyboard.press('Enter');
    },
  },
  'session-over': {
    path: '/catalogue/hello?server=web-01',
    act: async (page) => {
      await page.context().clearCookies();
      await page.keyboard.press('Control+Enter');
    },
  },
  'panel-away': {
    path: '/servers',
    act: async (page) => {
      await page.route('**/api/**', (route) => route.abort());
      await page.reload();
    },
  },
  'job-big': { path: `/jobs/${known.big}#L150000-L150004` },
  'job-offline': { path: `/jobs/${known.offline}` },
  'job-log-removed': {
    path: `/jobs/${known.failed}`,
    act: async (page) => {
      await page.route(`**/api/jobs/${known.failed}`, async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        body.log.removed_at = '2026-11-29T01:00:00.000Z';
        await route.fulfill({ response, json: body });
      });
      await page.reload();
    },
  },
  'job-lost': { path: `/jobs/${known.lost}?tab=details` },
  'settings-password': { path: '/settings?tab=password' },
  'user-new': { path: '/settings?tab=users', act: press('Add a user') },
  'token-new': { path: '/settings?tab=tokens', act: press('Make a token') },
  // From here on there is as much of everything, as long and as hostile, as may be.
  'crowd-catalogue': { path: '/catalogue', crowd: true },
  'crowd-form': { path: `/catalogue/${crowdedInstaller}` },
  'crowd-jobs': { path: '/jobs' },
  'crowd-job': { path: `/jobs/${known.crowded}` },
  'crowd-job-values': { path: `/jobs/${known.crowded}?tab=values` },
  'crowd-job-details': { path: `/jobs/${known.crowded}?tab=details` },
  'crowd-servers': { path: '/servers' },
  'crowd-users': { path: '/settings?tab=users' },
  'crowd-tokens': { path: '/settings?tab=tokens' },
  'crowd-audit': { path: '/audit' },
};

mkdirSync(folder, { recursive: true });
const mock = spawn('node', ['mock/server.mjs', String(port)], { stdio: 'ignore' });
await sleep(2500);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
  args: ['--no-sandbox', '--disable-gpu'],
});
const wanted = process.argv.slice(2).filter((word) => word !== '--tall');
try {
  for (const [width, viewport] of Object.entries(widths)) {
    for (const theme of ['light', 'dark']) {
      const context = await browser.newContext({
        viewport,
        colorScheme: theme,
        baseURL: base,
        timezoneId: 'Europe/Berlin',
      });
      await context.request.post('/__mock/reset', { data: {} });
      for (const [name, { path, act, signedOut, crowd }] of Object.entries(pages)) {
        if (crowd) await context.request.post('/__mock/crowd', { data: {} });
        if (wanted.length > 0 && !wanted.some((part) => `${name}-${width}-${theme}`.includes(part))) continue;
        if (signedOut) await context.clearCookies();
        else await context.request.post('/api/session', { data: { name: 'ann', password: 'correct horse' } });
        const page = await context.newPage();
        await page.goto(path);
        await page.waitForLoadState('networkidle', { timeout: 1500 }).catch(() => undefined);
        await sleep(300);
        await act?.(page);
        await sleep(500);
        // What is still being read is no picture of the page.
        await page.waitForFunction(
          () =>
            !document.querySelector('.loading-rows, .log:empty') &&
            [...document.querySelectorAll('.log:not([data-empty])')].every((log) =>
              log.querySelector('.log-row:not([hidden])'),
            ),
        );
        await page.screenshot({ path: `${folder}${name}-${width}-${theme}.png` });
        await page.close();
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  mock.kill();
}
