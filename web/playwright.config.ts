import { defineConfig } from '@playwright/test';

const quiet = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// The mock's, of this run alone: the environment carries it to the workers, which read this file again.
process.env.MOCK_PORT ??= String(20_000 + (process.pid % 10_000));
const mock = `http://127.0.0.1:${process.env.MOCK_PORT}`;
const wide = { width: 1440, height: 900 };
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

export default defineConfig({
  testDir: 'tests',
  workers: 1,
  // Other tests run beside these: what takes a second by itself may take ten.
  timeout: 180_000,
  expect: { timeout: 30_000 },
  forbidOnly: Boolean(process.env.CI),
  // PLAYWRIGHT_JUNIT_OUTPUT_FILE says where to.
  reporter: process.env.PLAYWRIGHT_JUNIT_OUTPUT_FILE ? [['line'], ['junit']] : 'line',
  use: {
    baseURL: process.env.PANEL_URL ?? mock,
    trace: 'off',
    screenshot: 'only-on-failure',
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    actionTimeout: 30_000,
    // A spinner is painted sixty times a second, by the processors: what moves is for those tests that look at it.
    contextOptions: { reducedMotion: 'reduce' },
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
      args: quiet,
    },
  },
  webServer: process.env.PANEL_URL
    ? undefined
    : {
        command: `node mock/server.mjs ${process.env.MOCK_PORT}`,
        url: `${mock}/api/health`,
        reuseExistingServer: false,
      },
  projects: [
    { name: 'desktop', testMatch: 'e2e/*.spec.ts', use: { viewport: wide }, grepInvert: /on a phone/ },
    { name: 'phone', testMatch: 'e2e/*.spec.ts', use: phone, grep: /@phone/ },
    // Over a real panel and agent: tests/e2e/browser_test.py of the whole project starts them.
    { name: 'real', testMatch: ['real/*.spec.ts', 'e2e/assets.spec.ts'], use: { viewport: wide } },
    {
      name: 'real-phone',
      testMatch: 'real/*.spec.ts',
      use: { ...phone, colorScheme: 'dark' },
      grep: /@phone/,
    },
    // Over one with TLS and servers of its own, whose certificate is by a CA of the test's: tests/fleet/units.sh.
    { name: 'fleet', testMatch: 'fleet/*.spec.ts', use: { viewport: wide, ignoreHTTPSErrors: true } },
  ],
});
