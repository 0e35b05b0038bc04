import type { Page } from '@playwright/test';
import { crowdedInstaller } from '../../mock/crowd.mjs';
import { known } from '../../mock/known.mjs';
import { expect, navigate, test } from './fixtures';

const pages = {
  overview: '/overview',
  catalogue: '/catalogue',
  form: '/catalogue/postgresql',
  'form again': `/catalogue/postgresql?from=${known.succeeded}`,
  'installer that is invalid': '/catalogue/haproxy',
  jobs: '/jobs',
  'job that runs': `/jobs/${known.live}`,
  'job that failed': `/jobs/${known.failed}`,
  'job that waits': `/jobs/${known.queued}`,
  "job's values": `/jobs/${known.succeeded}?tab=values`,
  "job's details": `/jobs/${known.succeeded}?tab=details`,
  "job's audit trail": `/jobs/${known.succeeded}?tab=audit`,
  servers: '/servers',
  server: '/servers/db-01',
  'server with warnings': '/servers/legacy-01',
  audit: '/audit',
  settings: '/settings',
  password: '/settings?tab=password',
  users: '/settings?tab=users',
  tokens: '/settings?tab=tokens',
  'unknown page': '/nowhere',
};

async function settled(page: Page) {
  await expect(page.locator('#main h1')).toBeVisible();
  await expect(page.locator('.loading-rows')).toHaveCount(0);
  await page.waitForTimeout(300);
}

/** Waits until colours that change have become what they will be. */
function faded(page: Page) {
  return page.evaluate(async () => {
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    const transitions = document.getAnimations().filter((each) => each instanceof CSSTransition);
    await Promise.allSettled(transitions.map((each) => each.finished));
  });
}

/** What of the page is not seen: how much it is wider than the screen, the tools that its head cuts off, what is broken letter by letter. */
function hidden(page: Page) {
  // On a phone innerWidth grows with what does not fit.
  return page.evaluate((screen) => {
    const main = document.querySelector('#main') ?? document.body;
    return {
      ofMain: main.scrollWidth - main.clientWidth,
      ofPage: document.documentElement.scrollWidth - screen,
      tools: [...document.querySelectorAll('header :is(a, button)')].filter(
        (tool) => tool.getBoundingClientRect().right > screen,
      ).length,
      broken: [...document.querySelectorAll('.pf-v6-c-table__action .pf-v6-c-button')].filter(
        (action) => action.getBoundingClientRect().height > 45,
      ).length,
    };
  }, page.viewportSize()!.width);
}

test('16 no page breaks a rule of accessibility, light, dark or in forced colours, and 17 none is wider than the screen @phone', async ({
  page,
  accessible,
  isMobile,
}) => {
  test.setTimeout(240_000);
  await page.goto('/nowhere');
  for (const [name, path] of Object.entries(pages)) {
    await test.step(name, async () => {
      await page.emulateMedia({ colorScheme: 'light', forcedColors: 'none' });
      await navigate(page, path);
      await settled(page);
      expect(await hidden(page), path).toEqual({ ofMain: 0, ofPage: 0, tools: 0, broken: 0 });
      await accessible();
      await page.emulateMedia({ colorScheme: 'dark' });
      await faded(page);
      await accessible(['color-contrast']);
      if (isMobile) return;
      // Forced colours are the system's own: axe does not see what they are, nor the plate behind each text. Of its other
      // rules these look at what is drawn, and not only at the document.
      await page.emulateMedia({ colorScheme: 'dark', forcedColors: 'active' });
      await accessible(['scrollable-region-focusable', 'target-size']);
    });
  }
});

test('17 as much of everything, as long and as hostile as may be, fits the screen and does nothing @phone', async ({
  page,
  panel,
  accessible,
}) => {
  await panel.tell('crowd');
  const crowded = [
    '/overview',
    '/catalogue',
    `/catalogue/${crowdedInstaller}`,
    '/jobs',
    `/jobs/${known.crowded}`,
    `/jobs/${known.crowded}?tab=values`,
    `/jobs/${known.crowded}?tab=details`,
    `/jobs/${known.crowded}?tab=audit`,
    '/servers',
    '/settings?tab=users',
    '/settings?tab=tokens',
    '/audit',
  ];
  await page.goto('/nowhere');
  for (const path of crowded) {
    await test.step(path, async () => {
      await navigate(page, path);
      await settled(page);
      expect(await hidden(page), path).toEqual({ ofMain: 0, ofPage: 0, tools: 0, broken: 0 });
      await expect(page.locator('img[src="x"]')).toHaveCount(0);
      expect(await page.title()).not.toBe('owned');
      await accessible(['duplicate-id-aria', 'label', 'region']);
    });
  }
});

test('16 nor does the sign-in, nor the dialogs', async ({ page, accessible }) => {
  await page.goto(`/jobs/${known.live}`);
  await settled(page);
  for (const [key, name] of [
    ['?', 'Keys'],
    ['Control+K', 'Go to anything'],
  ] as const) {
    await page.keyboard.press(key);
    await expect(page.getByRole('dialog', { name })).toBeVisible();
    await accessible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  }
  await page.context().clearCookies();
  await page.goto('/jobs');
  await expect(page.getByRole('heading', { name: 'Provisioning' })).toBeVisible();
  await accessible();
});

test('15 what has the focus is seen to have it, light and dark', async ({ page }) => {
  // The tools around a page are the same on all: each theme has them once.
  for (const [theme, path, stops] of [
    ['light', '/jobs', 20],
    ['dark', '/catalogue', 20],
    ['dark', '/catalogue/postgresql', 8],
    ['dark', `/jobs/${known.failed}`, 8],
  ] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await page.goto(path);
    await settled(page);
    if (stops < 20) await page.locator('#main').focus();
    for (let stop = 0; stop < stops; stop += 1) {
      await page.keyboard.press('Tab');
      const focused = await page.evaluateHandle(() => document.activeElement as HTMLElement);
      const name = await focused.evaluate((element) => element.outerHTML.slice(0, 200));
      const clip = await focused.evaluate((element, { width, height }) => {
        element.scrollIntoView({ block: 'nearest' });
        // A card shows the focus of the link that covers it.
        const box = (element.closest('.card') ?? element).getBoundingClientRect();
        const [x, y] = [Math.max(0, box.x - 6), Math.max(0, box.y - 6)];
        return {
          x,
          y,
          width: Math.min(width - x, box.width + 12),
          height: Math.min(height - y, box.height + 12),
        };
      }, page.viewportSize()!);
      const picture = () => page.screenshot({ clip, animations: 'disabled', caret: 'hide' });
      const withFocus = await picture();
      await focused.evaluate((element) => element.blur());
      expect(withFocus.equals(await picture()), `${path}, ${theme}: ${name}`).toBe(false);
      await focused.evaluate((element) => element.focus());
    }
  }
});

test('nothing moves for who wants it still', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto(`/jobs/${known.live}`);
  await expect(page.locator('.step-mark.is-running')).toBeVisible();
  const moving = () =>
    page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === 'running').length);
  await expect.poll(moving).toBe(0);
});

test('what the page is now, and what became of a job, is told to screen readers', async ({ page }) => {
  await page.goto('/catalogue');
  await settled(page);
  const told = page.getByRole('status').filter({ hasText: '· Provisioning' });
  await page.getByRole('link', { name: 'Hello' }).click();
  await expect(told).toHaveText('Hello · Provisioning');
  // What was clicked is gone; the keys that scroll go to the new page.
  await expect(page.locator('#main')).toBeFocused();
  await page.getByRole('checkbox', { name: 'web-01' }).check();
  await page.keyboard.press('Control+Enter');
  await expect(told).toHaveText(/^Running: Hello on web-01/);
  await expect(told).toHaveText(/^Succeeded: Hello on web-01/);
});

test('17 a job is started and followed on a phone @phone', async ({ page }) => {
  await page.goto('/catalogue');
  await page.getByRole('textbox', { name: 'Search the catalogue' }).fill('hello');
  await page.getByRole('link', { name: 'Hello' }).click();
  await page.getByRole('checkbox', { name: 'web-01' }).check();
  await page.getByRole('button', { name: 'Install on web-01' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Hello on web-01' })).toBeVisible();
  await expect(page.getByText('complete', { exact: true })).toBeVisible();
});

test('18 the policy is the strict one, and no page breaks it', async ({ page, guard }) => {
  const answer = await page.goto('/overview');
  const policy = answer!.headers()['content-security-policy']!;
  expect(policy).not.toMatch(/unsafe|nonce|sha256|\*|https?:|wasm/);
  expect(policy).toContain("require-trusted-types-for 'script'; trusted-types 'none'");
  const html = await (await page.request.get('/')).text();
  expect(html).not.toMatch(/<style|style=|<script>/);
  // That the guard of these tests sees a violation at all:
  const seen = await page
    .evaluate(
      () =>
        new Promise<string>((resolve) => {
          document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {
            once: true,
          });
          const image = document.createElement('img');
          image.src = 'http://127.0.0.1:1/x.png';
          image.addEventListener('error', () => setTimeout(() => resolve('none'), 500));
        }),
    )
    .catch(() => 'none');
  expect(seen).toBe('img-src');
  expect(guard.splice(0).join()).toContain('img-src');
});
