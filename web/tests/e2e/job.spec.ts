import { known } from '../../mock/known.mjs';
import { expect, shownLines, test } from './fixtures';

test('4 a cancel shows "Canceling" until the last process is gone, then says so @phone', async ({ page }) => {
  await page.goto(`/jobs/${known.live}`);
  await page.getByRole('button', { name: 'Cancel job' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
  const state = page.locator('.page-title .status-label');
  await expect(state).toHaveText(/Canceling/);
  await expect(page.getByText('counts as canceled when its last process is gone').first()).toBeVisible();
  await expect(state).toHaveText(/Canceled/);
  await expect(page.getByText('complete', { exact: true })).toBeVisible();
});

test('11 a failed job names the cause and the remedy, and jumps to the line @phone', async ({ page }) => {
  await page.goto(`/jobs/${known.failed}`);
  await expect(page.getByRole('heading', { name: 'Another program listens on that port.' })).toBeVisible();
  await expect(page.getByText('Stop it, or choose another port.')).toBeVisible();
  await page.getByRole('button', { name: 'Go to line 370' }).click();
  // On a narrow screen a line is several rows.
  const selected = page.locator('.log-row.is-selected');
  await expect(selected.filter({ hasText: 'Address already in use' })).toBeVisible();
  await expect(page).toHaveURL(/#L370$/);
});

test('12 a waiting retry counts down, and can be hurried', async ({ page }) => {
  await page.goto(`/jobs/${known.retry}`);
  const title = page.getByRole('heading', { name: /^Danger|Attempt 2 of 3 starts in/ });
  await expect(title).toBeVisible();
  const before = await title.textContent();
  await expect.poll(() => title.textContent()).not.toBe(before);
  await page.getByRole('button', { name: 'Try now' }).click();
  await expect(page.locator('.page-title .status-label')).toHaveText(/Running/);
  await expect(page.getByRole('button', { name: 'Attempt 1', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Attempt 1', exact: true }).click();
  await expect(page).toHaveURL(/attempt=1/);
  await expect.poll(async () => (await shownLines(page)).get(21)).toBe('apt-get update failed');
});

test('12 a waiting retry can be stopped', async ({ page }) => {
  await page.goto(`/jobs/${known.retry}`);
  await page.getByRole('button', { name: 'Stop trying' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the job' }).click();
  await expect(page.locator('.page-title .status-label')).toHaveText(/Canceled/);
});

test('13 a job that waits says why and for what', async ({ page }) => {
  for (const [id, title, reason] of [
    [known.offline, 'Waiting for the server', 'edge-01.ams was last seen 47 minutes ago'],
    [known.queued, 'Waiting: place 2 in the queue', 'db-01 runs another job'],
    [known.drained, 'Waiting: the server is drained', 'starts when it takes up jobs again'],
  ]) {
    await page.goto(`/jobs/${id}`);
    await expect(page.getByRole('heading', { name: title })).toBeVisible();
    await expect(page.getByText(reason!)).toBeVisible();
  }
  await page.goto('/jobs');
  await expect(page.getByText('Place 2. db-01 runs another job')).toBeVisible();
});

test('21 times show in the zone of the user, with the exact one on hover, and durations tick', async ({
  page,
}) => {
  await page.goto(`/jobs/${known.live}`);
  const job = await (await page.request.get(`/api/jobs/${known.live}`)).json();
  const inZone = (zone: string) => new Date(job.created_at).toLocaleString('sv-SE', { timeZone: zone });
  const created = page.locator('.facts time').first();
  await expect(created).toHaveText(inZone('Europe/Berlin'));
  await expect(created).toHaveAttribute('title', /\.\d{3} |,\d{3} /);
  const took = page.locator('.facts .number').first();
  const before = await took.textContent();
  await expect.poll(() => took.textContent()).not.toBe(before);

  await page.goto('/settings');
  await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
  await page.goto(`/jobs/${known.live}`);
  await expect(created).toHaveText(inZone('Asia/Tokyo'));
});

test('a job that does not exist has a page of its own', async ({ page, accessible }) => {
  await page.goto('/jobs/01990000-0000-7000-8000-999999999999');
  await expect(page.getByRole('heading', { name: 'There is no such job' })).toBeVisible();
  await accessible();
});
