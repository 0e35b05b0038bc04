// A person who has never seen the panel, over one that was installed from its packages, with TLS and real servers:
// tests/fleet/units.sh of the whole project makes all that, and says where it is.
import { expect, test } from '../watched';

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: tests/fleet/units.sh runs these tests`);
  return value;
}

const server = given('PANEL_SERVER');

test('a person signs in, installs nginx, watches it, and finds out why one that fails does', async ({
  page,
  accessible,
}) => {
  const state = page.locator('.page-title .status-label');
  await page.goto('/');
  await page.getByLabel('Name').fill('ann');
  await page.getByLabel('Password').fill(given('PANEL_PASSWORD'));
  await page.keyboard.press('Enter');

  // Found by what it is for, not by its name.
  await page.getByRole('link', { name: 'Catalogue' }).first().click();
  await page.getByRole('textbox', { name: 'Search the catalogue' }).fill('http');
  await page.getByRole('link', { name: 'Nginx Web Server' }).click();
  await page.getByRole('checkbox', { name: server }).check();
  const submit = page.locator('.form-actions').getByRole('button', { name: `Install on ${server}` });
  await page.getByLabel(/^Server name/).fill('Not A Name');
  await submit.click();
  const wrong = 'ower case letters, digits, hyphens and dots, as in www.example.test';
  await expect(page.getByText(wrong).first()).toBeVisible();
  await page.getByLabel(/^Server name/).fill('browser.example.test');
  await submit.click();
  await expect(page.getByRole('heading', { level: 1, name: `Nginx Web Server on ${server}` })).toBeVisible();
  await expect(state).toHaveText(/Running/);
  await expect(page.locator('.log-row').first()).toBeVisible();
  await expect(state).toHaveText(/Succeeded/, { timeout: 150_000 });
  await expect(page.getByText('complete', { exact: true })).toBeVisible();
  await accessible();
  await page.getByRole('tab', { name: 'Inputs and outputs' }).click();
  await expect(page.getByText('http://browser.example.test:80/')).toBeVisible();

  await page.getByRole('link', { name: 'Run again' }).click();
  await page.getByLabel('HTTP port').fill('8080');
  await expect(page.getByRole('region', { name: 'What differs' })).toContainText('80 → 8080');
  await submit.click();
  await expect(state).toHaveText(/Failed/, { timeout: 150_000 });
  const cause = page.getByRole('heading', { name: 'Another program listens on that port.' });
  await expect(cause).toBeVisible();
  await expect(
    page.getByText(/port 8080 is taken by .*: stop it, or choose another port/).first(),
  ).toBeVisible();
  await accessible();

  await page.goto(`/servers/${server}`);
  await expect(page.getByRole('link', { name: /Nginx Web Server|nginx/ }).first()).toBeVisible();
});
