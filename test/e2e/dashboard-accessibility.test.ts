import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import type { DashboardBackend } from '../support/dashboard/dashboard-backend.ts';
import { dashboardBrowser, openDashboard } from '../support/dashboard/dashboard-page.ts';
import { requirePeer } from '../support/peers.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const VIEWS = [
  '',
  'channels',
  'channels/news',
  'publish',
  'routes',
  'handlers',
  'outbound',
  'nodes',
  'errors',
  'server',
];

/** What axe finds wrong, by the rules of WCAG up to 2.2 AA and its own good practice. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate(
    `axe.run({ rules: { 'target-size': { enabled: true } } })`,
  )) as AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Goes to a view and waits for what it shows. */
async function show(page: Page, backend: DashboardBackend, go: (view: string) => Promise<void>, view: string) {
  await go(view);
  await page.getByRole('banner').getByText('ready', { exact: true }).waitFor();
  if (view === 'channels/news') {
    await backend.streamed('/channels/news/messages');
    backend.publish('news', {
      id: 'a1',
      formats: { 'http-stream': { action: 'send', text: 'hello\n', bytes: 6, cut: true } },
    });
    await page.locator('[aria-label="Messages, newest first"] li').waitFor();
  }
  if (view === 'server') await page.getByRole('button', { name: 'Show' }).click();
  const slow = page.getByText('Loading…');
  await slow.waitFor({ state: 'detached' });
}

test('everybody can use the dashboard', async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const browser = await dashboardBrowser(t, chromium);

  for (const theme of ['light', 'dark'] as const) {
    await t.test(`axe finds nothing wrong in any view, ${theme}`, async (t) => {
      const { page, backend, go } = await openDashboard(t, browser);
      await page.emulateMedia({ colorScheme: theme });
      for (const view of VIEWS) {
        await show(page, backend, go, view);
        assert.equal(await page.locator('html').getAttribute('data-theme'), theme);
        assert.deepEqual(await violations(page), [], view);
      }
      await page.setViewportSize({ width: 320, height: 640 });
      for (const view of ['', 'routes']) {
        await show(page, backend, go, view);
        assert.deepEqual(await violations(page), [], `${view}, narrow`);
      }
    });

    await t.test(`axe finds nothing wrong where one logs in, and while the server is away, ${theme}`, async (t) => {
      const { page, backend, go } = await openDashboard(t, browser);
      await page.emulateMedia({ colorScheme: theme });
      await go('');
      await page.getByText('ready', { exact: true }).waitFor();
      await backend.stop();
      await page.getByRole('button', { name: 'Try now' }).waitFor();
      assert.deepEqual(await violations(page), []);
      await backend.start();
      const nobody = { role: null, roles: [], name: '', accepts: ['password', 'token'] };
      backend.answers.set('GET /session', { status: 200, json: nobody });
      backend.answers.set('POST /session', { status: 401 });
      await go('');
      await page.getByLabel('Name').fill('ada');
      await page.getByLabel('Password', { exact: true }).last().fill('x');
      await page.keyboard.press('Enter');
      await page.getByText('These credentials are not valid.').waitFor();
      await page.getByText('No credentials yet?').click();
      assert.deepEqual(await violations(page), []);
    });
  }

  await t.test('no view is wider than a phone', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await page.setViewportSize({ width: 320, height: 640 });
    for (const view of VIEWS) {
      await show(page, backend, go, view);
      const width = await page.evaluate('document.documentElement.scrollWidth');
      assert.equal(width, 320, view);
      const current = await page.locator('nav [aria-current]').boundingBox();
      assert.ok(current !== null && current.x >= 0 && current.x + current.width <= 320, `${view}: its link is in view`);
    }
  });

  await t.test('the keyboard reaches everything, beginning with a way past the links', async (t) => {
    const { page, go } = await openDashboard(t, browser);
    await go('channels');
    await page.getByRole('link', { name: 'room.lobby' }).waitFor();
    const focused = () => page.evaluate('document.activeElement.textContent.trim() || document.activeElement.type');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to the content');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'search');
    // A jump within the page leaves the view.
    assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'Channels');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'news');
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    assert.equal(outline, 'solid');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'news' }).waitFor();
    assert.equal(await focused(), 'news');
    assert.equal(await page.evaluate('document.activeElement.tagName'), 'H1');
  });

  await t.test('the theme can be chosen, and stays chosen', async (t) => {
    const { page, go } = await openDashboard(t, browser);
    await page.emulateMedia({ colorScheme: 'light' });
    await go('');
    const html = page.locator('html');
    assert.equal(await html.getAttribute('data-theme'), 'light');
    await page.getByRole('button', { name: 'Theme: as the system' }).click();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor();
    assert.equal(await html.getAttribute('data-theme'), 'dark');
    await go('');
    assert.equal(await html.getAttribute('data-theme'), 'dark');
    await page.getByRole('button', { name: 'Theme: dark' }).click();
    assert.equal(await html.getAttribute('data-theme'), 'light');
  });

  await t.test('a screen reader hears when the server goes and comes, and no figures', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('');
    await page.getByText('ready', { exact: true }).waitFor();
    await page.evaluate(`
      window.heard = [];
      const live = '[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=log], output';
      new MutationObserver((changes) => {
        for (const { target } of changes) {
          const region = (target.closest ? target : target.parentElement)?.closest(live);
          if (region?.textContent) window.heard.push(region.textContent);
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
    `);
    for (let i = 0; i < 20; i++) backend.tick();
    await backend.stop();
    await page.getByRole('button', { name: 'Try now' }).waitFor();
    await backend.start();
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByText('Connected again.').waitFor();
    const heard = (await page.evaluate('window.heard')) as string[];
    assert.deepEqual([...new Set(heard)], ['The connection to the server is lost.', 'Connected again.']);
  });
});
