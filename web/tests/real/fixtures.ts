// Pages over a real panel with a real agent, which tests/e2e/browser_test.py starts; it says where they are, and restarts them.
import type { APIRequestContext, Page } from '@playwright/test';
import { test as base, expect } from '../watched';

export { expect, navigate, readLog, shownLines } from '../watched';

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: tests/e2e/browser_test.py runs these tests`);
  return value;
}

export const person = { name: 'ann', password: given('PANEL_PASSWORD') };
export const server = given('PANEL_SERVER');

interface Fixtures {
  signedIn: undefined;
  /** Asks tests/e2e/browser_test.py to do something to the panel. */
  control: (what: string) => Promise<void>;
  /** Kills the panel, and starts it again after so many milliseconds. */
  restart: (away: number) => Promise<void>;
  /** The next version of an installer wants a host that begins with `ok`; known to the panel when this ends. */
  tighten: (app: string) => Promise<void>;
  /** The API as the same person, in a session of its own. */
  elsewhere: APIRequestContext;
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
  control: async ({ playwright }, use) => {
    const control = await playwright.request.newContext({ baseURL: given('PANEL_CONTROL') });
    await use(async (what) => {
      expect((await control.post(what, { timeout: 60_000 })).status()).toBe(204);
    });
    await control.dispose();
  },
  restart: async ({ control }, use) => use((away) => control(`/restart/${away}`)),
  tighten: async ({ control }, use) => use((app) => control(`/tighten/${app}`)),
  elsewhere: async ({ playwright, baseURL }, use) => {
    const api = await playwright.request.newContext({ baseURL });
    const session = await api.post('/api/session', { data: person });
    const { csrf_token: token } = await session.json();
    const signedIn = await playwright.request.newContext({
      baseURL,
      storageState: await api.storageState(),
      extraHTTPHeaders: { 'X-CSRF-Token': token },
    });
    await use(signedIn);
    await signedIn.dispose();
    await api.dispose();
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
