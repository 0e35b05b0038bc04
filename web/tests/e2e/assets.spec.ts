// What is sent beside the pages: by the panel, and by the mock that stands for it.
import { expect, test } from '@playwright/test';

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; worker-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; " +
  "require-trusted-types-for 'script'; trusted-types 'none'";

const hardened = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  vary: 'Accept-Encoding',
};

test('18 every file comes with the policy, and is kept for as long as its name holds', async ({
  request,
}) => {
  const html = await request.get('/jobs', { headers: { Accept: 'text/html' } });
  const assets = [...(await html.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);
  expect(assets.filter((path) => path.startsWith('/assets/')).length).toBeGreaterThan(1);
  expect(html.headers()).toMatchObject({
    ...hardened,
    'cache-control': 'no-cache',
    'content-type': 'text/html; charset=utf-8',
  });
  for (const path of assets) {
    const file = await request.get(path);
    expect(file.status(), path).toBe(200);
    expect(file.headers()).toMatchObject({
      ...hardened,
      'cache-control': path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
    });
    expect(file.headers()['content-type']).toMatch(
      /^(text\/javascript; charset=utf-8|text\/css; charset=utf-8|image\/svg\+xml)$/,
    );
  }
});

test('what is no file and no page is not answered with one', async ({ request }) => {
  for (const [path, Accept] of [
    ['/assets/index-gone.js', 'text/html'],
    ['/gone.js', '*/*'],
    ['/api/gone', 'text/html'],
  ]) {
    const answer = await request.get(path!, { headers: { Accept: Accept! } });
    expect([401, 404], path).toContain(answer.status());
    expect(await answer.text()).not.toContain('<');
  }
  const server = await request.get('/servers/web-01.example.org', { headers: { Accept: 'text/html' } });
  expect(await server.text()).toContain('<div id="root">');
});
