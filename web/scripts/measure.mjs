// What the pages cost in a browser, as JSON: bench/web_figures.py of the whole project starts the panel and says where it is.
// node scripts/measure.mjs URL NAME BIG-JOB FAST-INSTALLER SERVER, the password on standard input. Each figure's floor is measured in the
// same browser, just before.
import { readFileSync } from 'node:fs';
import { chromium } from '@playwright/test';

const [url, name, bigJob, fastApp, server] = process.argv.slice(2);
const password = readFileSync(0, 'utf8').trim();
const rounds = 5;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
  ],
});
const figures = {};
const note = (figure, floor, value) => {
  figures[figure] ??= { samples: [], floors: [] };
  if (floor !== null) figures[figure].floors.push(floor);
  figures[figure].samples.push(value);
};

async function visitor() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const answer = await context.request.post(`${url}/api/session`, { data: { name, password } });
  if (answer.status() !== 200) throw new Error(`signing in was answered ${answer.status()}`);
  return context;
}

/** Milliseconds of the page's own clock, from its navigation's start, until the locator shows something. */
async function untilShown(page, selector) {
  await page.locator(selector).first().waitFor({ timeout: 60_000 });
  return page.evaluate(() => performance.now());
}

const frames = (page, seconds) =>
  page.evaluate(
    (length) =>
      new Promise((resolve) => {
        let count = 0;
        const end = performance.now() + length;
        const frame = () => {
          count += 1;
          if (performance.now() < end) requestAnimationFrame(frame);
          else resolve((count * 1000) / length);
        };
        requestAnimationFrame(frame);
      }),
    seconds * 1000,
  );

/** The first view with nothing in the cache, against a page of plain text from the same panel. */
async function firstView() {
  const context = await visitor();
  const page = await context.newPage();
  await page.goto(`${url}/theme.js`);
  const floor = await untilShown(page, 'body');
  await page.goto(`${url}/jobs`);
  note('first view', floor, await untilShown(page, '#main h1'));
  await page.reload();
  await untilShown(page, '#main h1');
  await page.goto(`${url}/theme.js`);
  const again = await untilShown(page, 'body');
  await page.goto(`${url}/jobs`);
  note('view again', again, await untilShown(page, '#main h1'));
  await context.close();
}

/** From a click until the other page's heading is painted, against two frames that paint nothing. */
async function routeChange(page) {
  const timed = (act) =>
    page.evaluate(async (link) => {
      const painted = () =>
        new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const began = performance.now();
      if (link) {
        document.querySelector(`nav a[href="${link}"]`).click();
        while (document.querySelector('#main h1')?.textContent !== (link === '/servers' ? 'Servers' : 'Jobs'))
          await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await painted();
      return performance.now() - began;
    }, act);
  for (const link of ['/servers', '/jobs']) note('route change', await timed(null), await timed(link));
}

/** A log of 200,000 lines from its address to all of it, against the same as one text. */
async function bigLog() {
  const context = await visitor();
  const page = await context.newPage();
  await page.goto(`${url}/theme.js`);
  const floor = await page.evaluate(async (job) => {
    const began = performance.now();
    const answer = await fetch(`/api/jobs/${job}/log`, { headers: { Accept: 'text/plain' } });
    if ((await answer.text()).split('\n').length < 200_000) throw new Error('the log is short');
    return performance.now() - began;
  }, bigJob);
  await page.goto(`${url}/jobs/${bigJob}`);
  await page.getByTestId('line-count').filter({ hasText: '200,000 lines' }).waitFor({ timeout: 120_000 });
  note('200,000 lines', floor, await page.evaluate(() => performance.now()));
  await heap(context, page);
  note('search', null, await searched(page, 'no such text', '0'));
  note('search, all', null, await searched(page, 'scripts', '1 / 200,000'));
  await context.close();
}

/** From typing a text until its hits are counted, in milliseconds. */
async function searched(page, text, hits) {
  const began = await page.evaluate(() => performance.now());
  await page.getByRole('textbox', { name: 'Search the log' }).fill(text);
  // "results" follows, for screen readers.
  await page.locator('.log-search .pf-v6-c-badge', { hasText: new RegExp(`^${hits}(?![\\d,])`) }).waitFor();
  return (await page.evaluate(() => performance.now())) - began;
}

/** What the page's scripts hold, after all that nobody refers to is gone. */
async function heap(context, page) {
  const devtools = await context.newCDPSession(page);
  await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  note('heap', null, usedSize / 1e6);
  await devtools.detach();
}

/** Presses a key ten times a second; the longest, in milliseconds, that one waited for its listeners. */
async function worstInputDelay(page, seconds) {
  await page.evaluate(() => {
    window.delays = [0];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.delays.push(entry.processingStart - entry.startTime);
    }).observe({ type: 'event', durationThreshold: 16 });
  });
  for (let press = 0; press < seconds * 10; press += 1) {
    await page.keyboard.press('Shift');
    await page.waitForTimeout(100);
  }
  return page.evaluate(() => Math.max(...window.delays));
}

/** Frames a second while 5,000 lines a second come in, against a page where nothing happens. */
async function fastLog() {
  const context = await visitor();
  const page = await context.newPage();
  await page.goto(`${url}/theme.js`);
  const floor = await frames(page, 2);
  await page.goto(`${url}/catalogue/${fastApp}?server=${server}`);
  await page.getByRole('checkbox', { name: server }).and(page.locator(':checked')).waitFor();
  await page.keyboard.press('Control+Enter');
  await page
    .getByTestId('line-count')
    .filter({ hasText: /\d,\d{3} lines/ })
    .waitFor({ timeout: 60_000 });
  note('5,000 lines a second', floor, await frames(page, 4));
  note('input', null, await worstInputDelay(page, 3));
  await page
    .locator('.page-title .status-label')
    .filter({ hasText: 'Succeeded' })
    .waitFor({ timeout: 60_000 });
  await context.close();
}

const context = await visitor();
const page = await context.newPage();
await page.goto(`${url}/jobs`);
await untilShown(page, '#main h1');
// Each page's code is there already: what is measured is the change.
await page.goto(`${url}/servers`);
await untilShown(page, '#main h1');
for (let round = 0; round < rounds; round += 1) {
  await firstView();
  await routeChange(page);
  if (round < 3) {
    await bigLog();
    await fastLog();
  }
}
await browser.close();
console.log(JSON.stringify(figures));
