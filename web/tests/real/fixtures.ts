// Pages over a real panel with a real agent, which tests/e2e/browser_test.py starts; it says where they are, and restarts them.
import type { Page } from '@playwright/test';
import { test as base, expect } from '../watched';

export { expect, shownLines } from '../watched';

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: tests/e2e/browser_test.py runs these tests`);
  return value;
}

export const person = { name: 'ann', password: given('PANEL_PASSWORD') };
export const server = given('PANEL_SERVER');

interface Fixtures {
  signedIn: undefined;
  /** Kills the panel, and starts it again after so many milliseconds. */
  restart: (away: number) => Promise<void>;
}

export const test = base.extend<Fixtures>({
  signedIn: [
    async ({ context, baseURL }, use) => {
      const answer = await context.request.post(`${baseURL}/api/session`, { data: person });
      expect(answer.status()).toBe(200);
      await use(undefined);
    },
    { auto: true },
  ],
  restart: async ({ playwright }, use) => {
    const control = await playwright.request.newContext({ baseURL: given('PANEL_CONTROL') });
    await use(async (away) => {
      expect((await control.post(`/restart/${away}`, { timeout: 60_000 })).status()).toBe(204);
    });
    await control.dispose();
  },
});

/** Opens the form of an installer, fills in what is given, starts the job, and comes back with its id. */
export async function install(page: Page, app: string, fields: Record<string, string> = {}): Promise<string> {
  await page.goto(`/catalogue/${app}?server=${server}`);
  await expect(page.getByRole('checkbox', { name: server })).toBeChecked();
  // A star stands behind the label of what is required.
  for (const [label, value] of Object.entries(fields))
    await page.getByLabel(new RegExp(`^${label}`)).fill(value);
  await page.keyboard.press('Control+Enter');
  await expect(page).toHaveURL(/\/jobs\/[0-9a-f-]{36}$/);
  return page.url().split('/').at(-1)!;
}

export const stateOf = (page: Page) => page.locator('.page-title .status-label');
