import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statuses } from '../support/dashboard/dashboard-data.ts';
import { dashboardBrowser, openDashboard } from '../support/dashboard/dashboard-page.ts';
import { requirePeer } from '../support/peers.ts';

test('the dashboard in a browser', async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const browser = await dashboardBrowser(t, chromium);

  await t.test('shows the figures of the server as they change', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    backend.past = 30;
    let requests = 1_000;
    const next = backend.next;
    backend.next = () => {
      const status = next();
      requests += 250;
      return { ...status, connections: 1_234, counters: { proxy: { requests } } };
    };
    await go('');
    await page.getByText('ready', { exact: true }).waitFor();
    const connections = page.getByRole('region', { name: 'Connections' });
    assert.match(await connections.innerText(), /held [\d,]+\s+1,234\s+open/);
    assert.match(await page.getByRole('region', { name: 'Requests' }).innerText(), /250\s+\/s/);
    assert.match(await page.getByRole('region', { name: 'Memory' }).innerText(), /MB/);
    const plot = connections.getByRole('img');
    assert.equal(await plot.getAttribute('aria-label'), 'Plot of connections, from 1,234 to 1,234');
    // Half a minute is known, so a minute is shown.
    assert.match(await connections.innerText(), /1 min ago\s+now/);
    backend.next = () => ({ ...next(), connections: 5, state: 'draining' });
    backend.tick();
    await page.getByText('draining', { exact: true }).waitFor();
    assert.match(await connections.innerText(), /\s5\s+open/);
  });

  await t.test('shows what was at the time under the pointer, in all plots', async (t) => {
    const { page, go } = await openDashboard(t, browser);
    await go('');
    const plot = page.getByRole('region', { name: 'Requests' }).locator('.u-over');
    await plot.hover({ position: { x: 60, y: 20 } });
    await page.locator('.then').first().waitFor();
    const times = await page.locator('.then').allInnerTexts();
    assert.equal(times.length, 7);
    assert.match(times[0] as string, /^\d\d:\d\d:\d\d$/);
    assert.equal(new Set(times).size, 1);
    await page.mouse.move(0, 0);
    await page.locator('.then').first().waitFor({ state: 'detached' });
  });

  await t.test('finds channels by how they begin, page by page', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('channels');
    await page.getByRole('link', { name: 'room.lobby' }).waitFor();
    const row = page.getByRole('row', { name: /^news/ });
    assert.deepEqual(await row.locator('th, td').allInnerTexts(), ['news', '4,210', '–', '88120']);
    await page.getByRole('button', { name: 'Next' }).click();
    await page.locator('button:enabled', { hasText: 'Previous' }).waitFor();
    await page.getByRole('searchbox').fill('üser/&x=1');
    const { query } = await backend.requestedWith('/channels', (query) => query.has('prefix'));
    assert.equal(query.get('prefix'), 'üser/&x=1');
    assert.equal(query.get('after'), null);
    const paged = backend.requests.find(({ path, query }) => path === '/channels' && query.has('after'));
    assert.equal(paged?.query.get('after'), 'user.linus');
  });

  await t.test('tells a pattern from the channel of the same name', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    const name = 'orders.*';
    const channels = [
      { name, pattern: true, subscribers: 2, lastId: null },
      { name, subscribers: 1, lastId: null },
    ];
    backend.answers.set('GET /channels', { status: 200, json: { channels, total: 2, next: null } });
    await go('channels');
    await page.getByText('pattern', { exact: true }).waitFor();
    const rows = page.getByRole('row', { name: /^orders/ });
    assert.deepEqual(await rows.locator('td:nth-child(2)').allInnerTexts(), ['2', '1']);
    assert.equal(await page.getByRole('link', { name }).count(), 1);
  });

  await t.test('shows the messages of a channel, stops when it is paused, and can be cleared', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('channels/news');
    await backend.streamed('/channels/news/messages');
    const text = { action: 'send', text: 'data: hello\n\n', bytes: 13, cut: false };
    const binary = { action: 'binary', base64: 'AAH/', bytes: 90_000, cut: true };
    backend.publish('news', {
      id: 'a1',
      formats: { 'http-stream': text, 'ws-message': binary },
      bytes: 90_013,
      receivers: 7,
    });
    const messages = page.getByRole('list', { name: 'Messages, newest first' }).locator('li');
    const first = messages.first();
    await first.waitFor();
    const shown = (await first.innerText()).replaceAll(/\s+/g, ' ');
    assert.equal(
      shown,
      '13:00:12 id a1 90 KB, 7 receivers http-stream data: hello↵↵ ws-message binary, base64, the beginning of 90 KB AAH/',
    );
    await page.getByRole('button', { name: 'Pause' }).click();
    backend.publish('news', { id: 'a2', formats: {} });
    await page.locator('.panel-head', { hasText: '2' }).waitFor();
    assert.equal(await messages.count(), 1);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('id a2').waitFor();
    backend.lose('news', 30);
    await page.getByText('2, 30 lost: they came too fast').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('Messages appear here as they are published.').waitFor();
  });

  await t.test('shows what is kept of a channel, page by page, and its users', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('channels/news');
    const kept = page.getByRole('list', { name: 'Kept items, newest first' }).locator('li');
    await kept.first().waitFor();
    assert.match(
      (await kept.first().innerText()).replaceAll(/\s+/g, ' '),
      /^12:59:40 id 88120 18 B http-stream data: kept 88120↵↵$/,
    );
    assert.match(await page.locator('.facts').innerText(), /2 items, 812 B.*0\.5\/s.*the last item/s);
    const row = page.getByRole('row', { name: /^ada/ });
    assert.equal((await row.locator('th, td').allInnerTexts())[1], '2');
    await page.getByRole('button', { name: 'Older' }).click();
    const { query } = await backend.requestedWith('/channels/news/history', (query) => query.has('since'));
    assert.deepEqual([query.get('since'), query.get('reverse')], ['5c1f0a9be7d2-88119', 'true']);
    await go('channels/prices.eur');
    await page.getByText('Messages appear here').or(page.getByText('not available')).first().waitFor();
    assert.equal(await page.getByRole('heading', { name: 'History' }).count(), 0);
  });

  await t.test('fetches what is kept again only where it has changed', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    const asked = (path: string) => backend.requests.filter((request) => request.path === path).length;
    await go('channels/news');
    await page.getByText('kept 88120').waitFor();
    // The page asks for the channel again and again.
    for (let i = 0; i < 3; i++) await page.waitForResponse(/\/channels\/news$/);
    assert.equal(asked('/channels/news/history'), 1);
    const { json: channel } = backend.answers.get('GET /channels/news') as { json: { history: object } };
    const { json: kept } = backend.answers.get('GET /channels/news/history') as { json: { items: object[] } };
    const item = { ...kept.items[0], formats: { 'ws-message': { action: 'text', text: 'a new one', bytes: 9 } } };
    backend.answers.set('GET /channels/news/history', { status: 200, json: { ...kept, items: [item] } });
    const history = { ...channel.history, first: 88_121, last: 88_121 };
    backend.answers.set('GET /channels/news', { status: 200, json: { ...channel, history } });
    await page.getByText('a new one').waitFor();
  });

  await t.test('says that a role may not see messages, and why there are none', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    backend.answers.set('GET /channels/news/messages', { status: 403, json: { error: { message: 'no' } } });
    await go('channels/news');
    await page.getByText('Your role may not see the contents of messages.').waitFor();
  });

  await t.test('publishes in each format, and says how many clients had the item', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    backend.answers.set('POST /publish/', {
      status: 200,
      json: { message: 'Published', items: [{ channel: 'news', receivers: 1_204 }] },
    });
    await go('publish/news');
    await page.getByLabel('Content').fill("it's\nnew");
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('Published to news: 1,204 receivers').waitFor();
    const request = await backend.requested('POST', '/publish/');
    assert.equal(request.headers.prefer, 'return=representation');
    assert.deepEqual(JSON.parse(request.body), {
      items: [{ channel: 'news', formats: { 'http-stream': { content: "data: it's\ndata: new\n\n" } } }],
    });
    assert.match(await page.locator('.block').innerText(), /data: it'\\''s\\ndata: new/);
    await page.getByLabel('http-response').check();
    await page.getByLabel('Status').fill('404');
    await page.locator('summary').click();
    await page.getByLabel('Id', { exact: true }).fill('b');
    await page.getByLabel('Id of the item before').fill('a');
    backend.requests.length = 0;
    await page.getByRole('button', { name: 'Publish' }).click();
    assert.deepEqual(JSON.parse((await backend.requested('POST', '/publish/')).body).items[0], {
      channel: 'news',
      id: 'b',
      'prev-id': 'a',
      formats: {
        'http-response': {
          code: 404,
          headers: { 'Content-Type': 'text/plain; charset=utf-8' },
          body: "it's\nnew",
        },
      },
    });
    backend.answers.set('POST /publish/', { status: 429, json: { error: { message: 'Too many publish requests.' } } });
    await page.getByLabel('ws-message').check();
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('Not published: Too many publish requests.').waitFor();
  });

  await t.test('shows routes with the health of their targets, handlers, and denied requests', async (t) => {
    const { page, go } = await openDashboard(t, browser);
    await go('routes');
    await page.getByRole('row', { name: /shop/ }).waitFor();
    const shop = await page.getByRole('row', { name: /shop/ }).innerText();
    assert.match(shop.replaceAll(/\s+/g, ' '), /up 10\.0\.0\.11:8000 passed over 10\.0\.0\.12:8000 31,204,110/);
    await page.getByRole('link', { name: 'Handlers' }).click();
    await page.getByRole('row', { name: /edge-in/ }).waitFor();
    await page.getByRole('link', { name: 'Outbound' }).click();
    await page.getByText('address 169.254.169.254 is internal').waitFor();
    assert.equal(await page.title(), 'Outbound · Holdfast');
  });

  await t.test('explains each error with the text of the reference', async (t) => {
    const { page, go } = await openDashboard(t, browser);
    await go('errors');
    const row = page.getByRole('row', { name: /HF_RATE_LIMIT/ });
    await row.locator('summary').click();
    await row.getByText('The client sent more requests than').waitFor();
    assert.match(await row.innerText(), /Caused by: client/);
    const codes = await page.locator('tbody th > code').allInnerTexts();
    assert.deepEqual(codes, ['HF_CLIENT_GONE', 'HF_ORIGIN_UNREACHABLE', 'HF_RATE_LIMIT', 'HF_BAD_REQUEST']);
  });

  await t.test('reloads the configuration, and says what changed or why nothing did', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    backend.answers.set('POST /reload', {
      status: 200,
      json: {
        changed: [
          { what: 'server.max_connections', from: 1_000, to: 2_000 },
          { what: 'routes', added: ['shop'] },
        ],
        needsRestart: ['server.listen'],
      },
    });
    await go('server');
    await page.getByRole('button', { name: 'Reload configuration' }).click();
    await page.getByText('server.max_connections: 1000 → 2000').waitFor();
    await page.getByText('routes: added shop').waitFor();
    await page.getByText('server.listen', { exact: true }).waitFor();
    backend.answers.set('POST /reload', {
      status: 422,
      json: { errors: [{ file: '/etc/holdfast/holdfast.toml', line: 12, key: 'proxy.cdn', message: 'unknown key' }] },
    });
    await page.getByRole('button', { name: 'Reload configuration' }).click();
    await page.getByText('Nothing was changed').waitFor();
    await page.getByText('/etc/holdfast/holdfast.toml:12').waitFor();
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('max_connections = 50000').waitFor();
  });

  await t.test('lists the nodes of a cluster', async (t) => {
    const { page, go } = await openDashboard(t, browser);
    await go('nodes');
    const rows = page.locator('tbody tr');
    await rows.nth(1).waitFor();
    assert.match(
      await rows.nth(0).innerText(),
      /^web-1\s+this one\s+n1a\s+0\.9\.0\s+1\s+ready\s+4,210\s+12\s+31\.5\/s\s+13,265\/s/,
    );
    assert.match(await rows.nth(1).innerText(), /^web-2\s+n2b\s+0\.9\.0\s+1\s+draining\s+17\s+3\s+–\s+–\s+400 ms/);
  });

  await t.test('says which parts do not run, instead of failing', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    for (const path of ['/channels', '/routes', '/handlers', '/outbound', '/nodes', '/errors']) {
      backend.answers.delete(`GET ${path}`);
    }
    for (const [view, text] of [
      ['channels', 'has channels: the proxy is not configured'],
      ['routes', 'has routes: the proxy is not configured'],
      ['handlers', 'The edge does not run here'],
      ['outbound', 'the fetch role does not run'],
      ['nodes', 'no node of a cluster'],
      ['errors', 'does not count its errors'],
    ] as const) {
      await go(view);
      await page.getByText(text).waitFor();
    }
  });

  await t.test('shows that the server is away, and goes on when it is back', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('');
    await page.getByText('ready', { exact: true }).waitFor();
    const before = await page.getByRole('region', { name: 'Connections' }).innerText();
    await backend.stop();
    await page.getByText('The connection to the server is lost. What you see is what was last heard.').waitFor();
    await page.getByText('not connected').waitFor();
    assert.equal(await page.getByRole('region', { name: 'Connections' }).innerText(), before);
    await backend.start();
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByText('ready', { exact: true }).waitFor();
    await page.getByText('Connected again.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Try now' }).count(), 0);
  });

  await t.test('goes on to show messages when the server is back', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('channels/news');
    await page.getByText('live', { exact: true }).waitFor();
    backend.publish('news', { id: 'before' });
    await page.getByText('id before').waitFor();
    await backend.stop();
    await page.getByText('connecting again').waitFor();
    await backend.start();
    await page.getByText('live', { exact: true }).waitFor();
    backend.publish('news', { id: 'after' });
    await page.getByText('id after').waitFor();
    await page.getByText('id before').waitFor();
  });

  await t.test('goes on after an upgrade, and offers the new page', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('');
    await page.getByText('ready', { exact: true }).waitFor();
    backend.next = statuses({ pid: 5_001, version: '0.2.0' });
    backend.past = 1;
    backend.endStreams();
    await page.getByText('The server was upgraded from 0.1.0 to 0.2.0.').waitFor();
    await page.getByText('5001, Node 20.20.0').waitFor();
    // The totals of another process are no rate of this one.
    assert.match(await page.getByRole('region', { name: 'Requests' }).innerText(), /–/);
  });
});
