import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { dashboardBrowser, openDashboard } from '../support/dashboard/dashboard-page.ts';
import { freePorts } from '../support/free-ports.ts';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { Upgraded } from '../support/upgraded.ts';

/** Bytes, compressed, that may be loaded before something is painted. */
const FIRST_PAINT = 60_000;

const USERS = `
[[control.user]]
name = "ada"
password = "secret"
role = "admin"
`;

/** What the browser complained about, but for what the server refused. */
function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on('pageerror', (error) => found.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load')) found.push(message.text());
  });
  return found;
}

async function logIn(page: Page): Promise<void> {
  await page.getByLabel('Name').fill('ada');
  await page.getByLabel('Password', { exact: true }).last().fill('secret');
  await page.keyboard.press('Enter');
  await page.getByText('ready', { exact: true }).waitFor();
}

test('the dashboard of a running server', async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const browser = await dashboardBrowser(t, chromium);

  await t.test('shows what is held, published and seen', async (t) => {
    const origin = await startOrigin(t, (_request, response) => {
      response.writeHead(200, {
        'Content-Type': 'text/event-stream',
        'Grip-Hold': 'stream',
        'Grip-Channel': 'news "<b>"',
      });
      response.end(':\n\n');
    });
    const { clients, controlUrl } = await runServer(t, ['--route', `* ${origin}`], USERS);
    const client = await fetch(`http://${clients[0]}/`);
    const reader = client.body?.getReader();
    t.after(() => reader?.cancel());
    await reader?.read();

    const page = await browser.newPage();
    t.after(() => page.close());
    const problems = complaints(page);
    await page.goto(`${controlUrl}/dashboard`);
    await logIn(page);
    assert.match(await page.getByRole('region', { name: 'Connections' }).innerText(), /held 1\s/);

    await page.getByRole('link', { name: 'Channels' }).click();
    await page.getByRole('link', { name: 'news "<b>"' }).click();
    await page.getByText('live', { exact: true }).waitFor();
    const other = await browser.newPage();
    t.after(() => other.close());
    await other.goto(`${controlUrl}/dashboard/#/publish/${encodeURIComponent('news "<b>"')}`);
    await other.getByLabel('Content').fill('<i>hello');
    await other.getByRole('button', { name: 'Publish' }).click();
    await other.getByText(': 1 receiver').waitFor();
    await page.getByText('data: <i>hello↵↵').waitFor();
    const received = await reader?.read();
    assert.equal(Buffer.from(received?.value ?? []).toString(), 'data: <i>hello\n\n');

    for (const [view, text] of [
      ['Routes', origin],
      ['Errors', 'Errors'],
      ['Handlers', 'The edge does not run here'],
      ['Outbound', 'the fetch role does not run'],
      ['Server', 'Reload configuration'],
    ] as const) {
      await page.getByRole('link', { name: view }).click();
      await page.getByText(text).first().waitFor();
    }
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    assert.equal((await page.context().cookies()).length, 0);
    assert.deepEqual(problems, []);
  });

  await t.test('shows the routes, errors, handlers and configuration of a server with all roles', async (t) => {
    const [nobody] = await freePorts(1);
    const { clients, controlUrl } = await runServer(
      t,
      ['--route', `*,id=broken 127.0.0.1:${nobody}`],
      `${USERS}
[edge]
listen = ["127.0.0.1:0"]
zclient_stream = ["ipc://edge"]
[fetch]
req = ["ipc://fetch"]
`,
    );
    assert.equal((await fetch(`http://${clients[0]}/`)).status, 502);
    const page = await browser.newPage();
    t.after(() => page.close());
    const problems = complaints(page);
    await page.goto(`${controlUrl}/dashboard/#/errors`);
    await logIn(page);
    const row = page.getByRole('row', { name: /HF_ORIGIN_UNREACHABLE/ });
    await row.locator('summary').click();
    await row.getByText('No target of the route accepted a connection').waitFor();
    for (const [view, text] of [
      ['Routes', `127.0.0.1:${nobody}`],
      ['Handlers', 'ipc://edge'],
      ['Outbound', 'No request was denied.'],
    ] as const) {
      await page.getByRole('link', { name: view }).click();
      await page.getByText(text).first().waitFor();
    }
    await page.getByRole('link', { name: 'Server' }).click();
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('zclient_stream').waitFor();
    assert.doesNotMatch(await page.locator('pre.block').innerText(), /secret/);
    assert.deepEqual(problems, []);
  });

  await t.test('goes on with the process that replaces the server, without logging in again', async (t) => {
    const { program, controlUrl } = await runServer(t, ['--route', '* test'], USERS);
    const server = new Upgraded(t, program);
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.goto(`${controlUrl}/dashboard/`);
    await logIn(page);
    await page.getByText(new RegExp(`^${program.pid}, Node`)).waitFor();
    const pid = await server.upgrade();
    await page.getByText(new RegExp(`^${pid}, Node`)).waitFor();
    await page.getByText('ready', { exact: true }).waitFor();
    await server.stop();
  });

  await t.test('comes compressed', async (t) => {
    const { controlUrl } = await runServer(t, ['--route', '* test']);
    const page = await browser.newPage();
    t.after(() => page.close());
    const codings = new Map<string, string | undefined>();
    page.on('response', (response) => {
      if (/\.(?:js|css)$|\/$/.test(new URL(response.url()).pathname))
        codings.set(response.url(), response.headers()['content-encoding']);
    });
    await page.goto(`${controlUrl}/dashboard/`);
    await page.waitForSelector('h1');
    assert.ok(codings.size >= 3);
    // Over plain http browsers take br of this machine only, and gzip of others.
    assert.deepEqual([...new Set(codings.values())], ['br']);
  });

  await t.test('says how to configure credentials where there are none', async (t) => {
    const { controlUrl } = await runServer(t, ['--route', '* test']);
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.goto(`${controlUrl}/dashboard/`);
    await page.getByRole('heading', { name: 'No credentials are configured' }).waitFor();
  });

  await t.test('is painted after few bytes', async (t) => {
    const { page, backend } = await openDashboard(t, browser);
    const bodies: Promise<Buffer>[] = [];
    page.on('response', (response) => {
      if (new URL(response.url()).pathname.startsWith('/dashboard/')) bodies.push(response.body());
    });
    await page.goto(backend.url);
    await page.waitForSelector('h1');
    const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length);
    assert.ok(sizes.length >= 3);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total <= FIRST_PAINT, `${total} bytes`);
  });
});
