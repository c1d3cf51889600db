import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dashboardBrowser, openDashboard } from '../support/dashboard/dashboard-page.ts';
import { requirePeer } from '../support/peers.ts';

/** Each would run a script, or leave the page, if it were taken for anything but text. */
const HOSTILE = [
  '<img src=x onerror="document.title=\'owned\'">',
  '<script>document.title="owned"</script>',
  '"><svg onload=document.title="owned">',
  "javascript:document.title='owned'",
  '</textarea><iframe srcdoc="<script>parent.document.title=1</script>">',
  '{{constructor.constructor("document.title=1")()}}',
  '../../session?x=#/publish',
  '__proto__',
  'half \ud800 of a pair',
  'line\nbreak\u2028and\u0000nul',
  'right \u202e tfel',
  'x'.repeat(4_000),
];

test('hostile content in the dashboard', async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const browser = await dashboardBrowser(t, chromium);

  await t.test('is text wherever it is shown, and its links lead to itself', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    const [first = ''] = HOSTILE;
    backend.answers.set('GET /channels', {
      status: 200,
      json: { channels: HOSTILE.map((name) => ({ name, subscribers: 1, lastId: name })), total: 12, next: first },
    });
    const route = { source: 'file', requests: 1, responses: { [first]: 1 }, latency: { p50: null, p99: null } };
    backend.answers.set('GET /routes', {
      status: 200,
      json: {
        routes: HOSTILE.map((text) => ({
          ...route,
          id: text,
          line: text,
          targets: [{ target: text, healthy: false }],
        })),
      },
    });
    const last = '2026-03-17T13:00:00Z';
    backend.answers.set('GET /errors', {
      status: 200,
      json: { errors: HOSTILE.map((text) => ({ code: text, count: 1, last, status: 0, text })) },
    });
    backend.answers.set('GET /outbound', {
      status: 200,
      json: { open: 1, requests: 1, denied: HOSTILE.map((reason) => ({ reason, count: 1, last })) },
    });
    backend.answers.set('GET /handlers', {
      status: 200,
      json: { handlers: HOSTILE.map((endpoint) => ({ endpoint, mode: 'stream', connections: 1, sessions: 1 })) },
    });
    backend.answers.set('POST /reload', {
      status: 422,
      json: { errors: HOSTILE.map((text) => ({ file: text, line: 1, key: text, message: text })) },
    });
    for (const view of ['channels', 'routes', 'errors', 'outbound', 'handlers']) {
      await go(view);
      await page
        .locator('tbody tr')
        .nth(HOSTILE.length - 1)
        .waitFor();
      assert.equal(await page.locator('#app :is(script, iframe, img[src="x"], [onerror], [onload])').count(), 0, view);
      assert.ok((await page.locator('main').innerText()).includes(first), view);
    }
    await go('channels');
    await page.locator('tbody a').first().waitFor();
    const hrefs = await page.locator('tbody a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    for (const href of hrefs) assert.match(href ?? '', /^#\/channels\/[\w%.!~*'()-]+$/);
    await page.locator('tbody a').first().click();
    await page.getByRole('heading', { name: first }).waitFor();
    await go('server');
    await page.getByRole('button', { name: 'Reload configuration' }).click();
    await page.getByText('Nothing was changed').waitFor();
    assert.notEqual(await page.title(), 'owned');
  });

  await t.test('shows what cannot be seen, or would turn the text around', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    const name = 'a\u202eb\u0007\u200b';
    backend.answers.set('GET /channels', {
      status: 200,
      json: { channels: [{ name, subscribers: 1, lastId: null }], total: 1, next: null },
    });
    await go('channels');
    await page.getByRole('link', { name: 'a⟨U+202E⟩b␇⟨U+200B⟩' }).click();
    await backend.requested('GET', `/channels/${encodeURIComponent(name)}`);
  });

  await t.test('is text in messages and in the publish form too', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('channels/news');
    await backend.streamed('/channels/news/messages');
    for (const text of HOSTILE) {
      backend.publish('news', {
        id: text,
        formats: {
          [text]: { action: text, text, bytes: 1, cut: false },
          'http-stream': { action: 'send', base64: text, bytes: 1, cut: true },
        },
      });
    }
    await page
      .locator('[aria-label="Messages, newest first"] li')
      .nth(HOSTILE.length - 1)
      .waitFor();
    assert.equal(await page.locator('.messages :is(script, iframe, img, svg)').count(), 0);
    backend.answers.set('POST /publish/', { status: 200, json: { items: [{ channel: 'x', receivers: 1 }] } });
    await go(`publish/${encodeURIComponent(HOSTILE[0] as string)}`);
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('output a').waitFor();
    assert.equal(await page.locator('output img').count(), 0);
    assert.notEqual(await page.title(), 'owned');
  });

  await t.test('of any amount takes a bounded part of the page', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('channels/news');
    await backend.streamed('/channels/news/messages');
    const formats = { 'http-stream': { action: 'send', text: 'x'.repeat(4_096), bytes: 4_096, cut: false } };
    for (let i = 1; i <= 2_000; i++) backend.publish('news', { id: String(i), formats });
    await page.getByText('the last 200 of 2,000').waitFor();
    await page.getByText('id 2000', { exact: true }).waitFor();
    assert.equal(await page.locator('[aria-label="Messages, newest first"] li').count(), 200);
    assert.equal(await page.getByText('id 1800', { exact: true }).count(), 0);
  });

  await t.test('loads nothing but the page itself, and its policy allows nothing inline', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('');
    await page.getByText('ready', { exact: true }).waitFor();
    const html = await (await fetch(backend.url)).text();
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:/);
    const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
    assert.ok(loaded.length > 0);
    for (const name of loaded) assert.ok(name.startsWith(new URL('/', backend.url).href), name);
  });
});
