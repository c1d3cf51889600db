import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { DashboardBackend } from '../support/dashboard/dashboard-backend.ts';
import { dashboardBrowser, openDashboard } from '../support/dashboard/dashboard-page.ts';
import { requirePeer } from '../support/peers.ts';

const IMAGES = new URL('../../docs/images/', import.meta.url);
const GUIDE = new URL('../../docs/how-to/dashboard.md', import.meta.url);

/** Images are written only on request, for another machine has other fonts: `HOLDFAST_IMAGES=write`. */
const WRITE = process.env.HOLDFAST_IMAGES === 'write';

/** Bytes of an image. */
const MAX_IMAGE = 110_000;

interface Picture {
  readonly name: string;
  readonly view: string;
  readonly theme?: 'dark';
  readonly size?: { readonly width: number; readonly height: number };
  /** Brings the page to what is shown. */
  readonly prepare?: (page: Page, backend: DashboardBackend) => Promise<void>;
}

/** Room for four plots side by side. */
const WIDE = { width: 1_280, height: 660 };

const PICTURES: readonly Picture[] = [
  { name: 'overview', view: '', size: WIDE },
  { name: 'overview-dark', view: '', theme: 'dark', size: WIDE },
  { name: 'overview-phone', view: '', size: { width: 360, height: 720 } },
  { name: 'channels', view: 'channels' },
  { name: 'messages', view: 'channels/news', prepare: showMessages },
  { name: 'publish', view: 'publish/news', prepare: showPublished },
  { name: 'routes', view: 'routes' },
  { name: 'errors', view: 'errors', prepare: (page) => page.locator('summary').nth(1).click() },
  { name: 'reload', view: 'server', theme: 'dark', prepare: showReload },
];

async function showMessages(page: Page, backend: DashboardBackend): Promise<void> {
  await backend.streamed('/channels/news/messages');
  const headlines = ['Holdfast holds ten thousand clients', 'Markets open higher', 'Rain in the north'];
  headlines.forEach((text, i) => {
    const json = JSON.stringify({ id: 88_118 + i, text });
    const event = `event: headline\ndata: ${json}\n\n`;
    backend.publish('news', {
      time: `2026-03-17T13:0${i}:12Z`,
      id: String(88_118 + i),
      formats: {
        'http-stream': { action: 'send', text: event, bytes: event.length, cut: false },
        'ws-message': { action: 'text', text: json, bytes: json.length, cut: false },
      },
      bytes: event.length + json.length,
      receivers: 4_210,
    });
  });
  await page.locator('[aria-label="Messages, newest first"] li').nth(2).waitFor();
}

async function showPublished(page: Page, backend: DashboardBackend): Promise<void> {
  const items = [{ channel: 'news', receivers: 4_210 }];
  backend.answers.set('POST /publish/', { status: 200, json: { message: 'Published', items } });
  await page.getByLabel('Content').fill('{"text": "Rain in the north"}');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText('4,210 receivers').waitFor();
}

async function showReload(page: Page, backend: DashboardBackend): Promise<void> {
  const changed = [
    { what: 'server.max_connections', from: 50_000, to: 60_000 },
    { what: 'routes', added: ['preview'] },
  ];
  backend.answers.set('POST /reload', { status: 200, json: { changed, needsRestart: ['server.listen'] } });
  await page.getByRole('button', { name: 'Reload configuration' }).click();
  await page.getByText('server.listen', { exact: true }).waitFor();
}

test('the guide shows the dashboard as it is', async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const browser = await dashboardBrowser(t, chromium);
  const guide = readFileSync(GUIDE, 'utf8');
  mkdirSync(IMAGES, { recursive: true });

  for (const { name, view, theme = 'light', size = { width: 1_180, height: 640 }, prepare } of PICTURES) {
    await t.test(`an image of ${name} can be taken, and the guide has it`, async (t) => {
      const { page, backend, go } = await openDashboard(t, browser);
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize(size);
      await go(view);
      await page.getByText('ready', { exact: true }).waitFor();
      await page.getByText('Loading…').waitFor({ state: 'detached' });
      if (view === 'errors') await page.locator('summary').first().waitFor();
      await prepare?.(page, backend);
      // A button under the pointer has another colour.
      await page.mouse.move(0, 0);
      const image = await page.screenshot({ animations: 'disabled', caret: 'hide' });
      const file = new URL(`dashboard-${name}.png`, IMAGES);
      if (WRITE) writeFileSync(file, image);
      assert.ok(statSync(file).size <= MAX_IMAGE, `${statSync(file).size} bytes`);
      assert.ok(guide.includes(`../images/dashboard-${name}.png`));
    });
  }
});
