// Every test fails on a violation of the policy, a console error, an error of the page, or a request elsewhere.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test as base, expect, type Page } from '@playwright/test';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
// A refusal that a test asks for is logged by the browser; so is the panel that a test sends away.
const expected =
  /status of (401|403|404|409|422|429|503)|ERR_(CONNECTION|FAILED|EMPTY_RESPONSE|INTERNET_DISCONNECTED|INCOMPLETE)/;

interface AxeResult {
  passes: object[];
  violations: { id: string; nodes: { target: unknown; html: string }[] }[];
}
type Axe = { run(root: Document, options: object): Promise<AxeResult> };

interface Fixtures {
  /** What went wrong so far; a test that provokes something takes it out. */
  guard: string[];
  /** Fails where the page as it is now breaks a rule of accessibility, or one of these alone. */
  accessible: (only?: string[]) => Promise<void>;
}

export const test = base.extend<Fixtures>({
  guard: [
    async ({ context, baseURL }, use) => {
      const faults: string[] = [];
      await context.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => {
          console.error(
            'policy',
            event.effectiveDirective,
            event.blockedURI,
            event.sourceFile,
            event.lineNumber,
          );
        });
      });
      context.on('console', (message) => {
        if (message.type() === 'error' && !expected.test(message.text())) faults.push(message.text());
      });
      context.on('weberror', (error) => faults.push(error.error().message));
      context.on('request', (request) => {
        if (!request.url().startsWith(baseURL!) && !/^(data|blob):/.test(request.url())) {
          faults.push(`request to ${request.url()}`);
        }
      });
      await use(faults);
      expect(faults).toEqual([]);
    },
    { auto: true },
  ],
  accessible: async ({ page }, use) => {
    await use(async (only = []) => {
      // Evaluated by the browser's own means: a script element would break the policy.
      if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(`${axe};0`);
      const options = {
        runOnly: only.length > 0 ? { type: 'rule', values: only } : rules,
        // What is in order is only counted: its elements would take longer to send than to look at.
        resultTypes: ['violations'],
      };
      const [violations, passed] = await page.evaluate(async (given) => {
        const found = await (window as unknown as { axe: Axe }).axe.run(document, given);
        const named = found.violations.map(
          ({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.target} ${node.html}`)}`,
        );
        return [named, found.passes.length] as const;
      }, options);
      expect(violations).toEqual([]);
      expect(passed, 'rules that were looked at').toBeGreaterThan(0);
    });
  },
});

export { expect };

/**
 * Goes from one page to another as a link does: the program stays, since to start it costs more than most that is looked
 * at. By way of a page that has no part of any other, so that nothing of the one before is taken for it.
 */
export async function navigate(page: Page, path: string) {
  const heading = page.locator('#main h1');
  const go = (to: string) => page.evaluate((address) => history.pushState(null, '', address), to);
  await go('/nowhere');
  await expect(heading).toHaveText('There is no page at this address');
  await go(path);
  if (path !== '/nowhere') await expect(heading).not.toHaveText('There is no page at this address');
}

/** What the log pane shows, by line number; of a line that wraps, as much as is on the screen. */
export async function shownLines(page: Page): Promise<Map<number, string>> {
  const rows = await page.locator('.log .log-row:not([hidden])').evaluateAll((elements) =>
    elements
      .map((row) => ({
        top: row.getBoundingClientRect().top,
        line: Number(row.querySelector<HTMLElement>('.log-number')?.dataset.line),
        text: row.querySelector('.log-text')?.textContent ?? '',
      }))
      .sort((a, b) => a.top - b.top),
  );
  const lines = new Map<number, string>();
  let at = 0;
  for (const { line, text } of rows) {
    if (line > 0) at = line;
    if (at > 0) lines.set(at, (line > 0 ? '' : lines.get(at)!) + text);
  }
  return lines;
}

/** Reads a log of so many lines from the first to the last as a person does, page by page, each when it is there. */
export async function readLog(page: Page, lines: number): Promise<Map<number, string>> {
  const seen = new Map<number, string>();
  let before = '';
  await page.getByRole('log').focus();
  await page.keyboard.press('Home');
  await expect.poll(async () => (await shownLines(page)).has(1)).toBe(true);
  const read = async () => {
    const shown = await shownLines(page);
    const now = [...shown.keys()].join();
    if (now === before) return seen.size;
    before = now;
    for (const [line, text] of shown) seen.set(line, text);
    await page.keyboard.press('PageDown');
    return seen.size;
  };
  await expect.poll(read, { intervals: [50] }).toBe(lines);
  return seen;
}
