import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Publisher } from '@fanoutio/grip';
import type { Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, startHoldfast } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';

/** A running demo. */
interface Demo {
  readonly program: Program;
  readonly url: string;
  readonly controlUrl: string;
  /** The command that it offers for pasting. */
  readonly publishCommand: string;
}

async function startDemo(t: TestContext): Promise<Demo> {
  const [controlPort] = await freePorts(1);
  const args = ['demo', '--port', '0', '--control-port', String(controlPort), '--log-level', 'debug'];
  const program = startHoldfast(t, args);
  await program.output(/\nCtrl-C stops it\.\n/);
  const [, url = ''] = await program.output(/ (http:\S+)\/\n/);
  const [, publishCommand = ''] = await program.output(/ (printf .*)\n/);
  return { program, url, controlUrl: `http://127.0.0.1:${controlPort}`, publishCommand };
}

async function openTab(browser: Awaited<ReturnType<typeof openBrowser>>, demo: Demo): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(demo.url);
  await page.getByRole('status').getByText('live').waitFor();
  return page;
}

/** Waits until each tab shows a message with this text, and returns who wrote it, by each tab. */
function authors(tabs: readonly Page[], text: string): Promise<string[]> {
  return Promise.all(
    tabs.map(async (tab) => {
      const message = tab.getByRole('log').getByRole('listitem').filter({ hasText: text });
      await message.waitFor();
      return message.locator('b').innerText();
    }),
  );
}

test('the demo pushes to browsers', async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const demo = await startDemo(t);
  const browser = await openBrowser(t, chromium);
  const tabs = [await openTab(browser, demo), await openTab(browser, demo)] as const;
  const [first] = tabs;

  await t.test('a message from one tab appears in both, as text', async () => {
    await first.getByLabel('Your name').fill('Ada');
    await first.getByLabel('Message to everybody').fill('is <b>anybody</b> there?');
    await first.getByRole('button', { name: 'Send' }).click();
    assert.deepEqual(await authors(tabs, 'is <b>anybody</b> there?'), ['Ada', 'Ada']);
  });

  await t.test('the command that the demo prints publishes to the page from a terminal', async () => {
    const ended = await new Program(t, 'sh', ['-c', demo.publishCommand]).ended;
    assert.deepEqual(ended, { code: 0, stdout: 'Published\n', stderr: '' });
    assert.deepEqual(await authors(tabs, 'hello'), ['terminal', 'terminal']);
  });

  await t.test('a GRIP library publishes to the page', async () => {
    const publisher = new Publisher({ control_uri: demo.controlUrl });
    await publisher.publishHttpStream('board', 'data: {"name": "library", "text": "good day"}\n\n');
    assert.deepEqual(await authors(tabs, 'good day'), ['library', 'library']);
  });

  await t.test('a tab over a WebSocket gets the messages of the others, and they get its own', async () => {
    const tab = await openTab(browser, demo);
    await tab.getByLabel('over').selectOption('websocket');
    await demo.program.logged('hold', ({ mode }) => mode === 'websocket');
    await tab.getByRole('status').getByText('live').waitFor();
    await tab.getByLabel('Your name').fill('Grace');
    await tab.getByLabel('Message to everybody').fill('over a WebSocket: grüß dich');
    await tab.getByRole('button', { name: 'Send' }).click();
    assert.deepEqual(await authors([...tabs, tab], 'grüß dich'), ['Grace', 'Grace', 'Grace']);
    await first.getByLabel('Message to everybody').fill('over a request');
    await first.getByRole('button', { name: 'Send' }).click();
    assert.deepEqual(await authors([...tabs, tab], 'over a request'), ['Ada', 'Ada', 'Ada']);
    await tab.close();
  });

  await t.test('a later visitor sees earlier messages', async () => {
    assert.deepEqual(await authors([await openTab(browser, demo)], 'anybody'), ['Ada']);
  });

  await t.test('messages stay visible on a small screen with the explanation open', async () => {
    const small = await openTab(browser, demo);
    await small.setViewportSize({ width: 320, height: 480 });
    await small.getByText('What happens here').click();
    const messages = await small.getByRole('main').boundingBox();
    assert.ok((messages?.height ?? 0) >= 160, `messages have a height of ${messages?.height}`);
    // All of it is reached by scrolling, and nothing lies on anything else.
    const parts = await Promise.all(
      ['header', 'main', 'form', 'details'].map((part) => small.locator(part).boundingBox()),
    );
    for (const [at, part] of parts.slice(1).entries()) {
      const before = parts[at];
      assert.ok((part?.y ?? 0) >= (before?.y ?? 0) + (before?.height ?? 0) - 1);
    }
    await small.close();
  });

  await t.test('the menu is whole on a narrow screen', async () => {
    const small = await openTab(browser, demo);
    for (const width of [320, 360]) {
      await small.setViewportSize({ width, height: 640 });
      const { shown, needed } = await small.locator('#way').evaluate((menu) => {
        const free = menu.cloneNode(true) as typeof menu;
        free.style.cssText = 'position: absolute; width: auto; flex: none';
        menu.after(free);
        const widths = { shown: menu.clientWidth, needed: free.clientWidth };
        free.remove();
        return widths;
      });
      assert.ok(shown >= needed, `${shown} of ${needed} pixels at ${width}`);
      const page = await small.evaluate('document.documentElement.scrollWidth');
      assert.equal(page, width);
    }
    await small.close();
  });

  await t.test('the page says so when the connection is lost', async () => {
    const { code } = await demo.program.stop();
    assert.equal(code, 0);
    await first.getByRole('status').getByText('reconnecting…').waitFor();
    await first.getByLabel('Message to everybody').fill('too late');
    await first.getByRole('button', { name: 'Send' }).click();
    await first.getByRole('alert').getByText('Not sent').waitFor();
    assert.equal(await first.getByLabel('Message to everybody').inputValue(), 'too late');
  });
});

test('curl waits with a long poll for a message', async (t) => {
  const curl = requirePeer(t, 'curl');
  if (curl === null) return;
  const { program, url, controlUrl } = await startDemo(t);
  const polling = new Program(t, curl, ['-sS', '-i', `${url}/next`]);
  await program.logged('hold', ({ mode }) => mode === 'response');
  const published = await holdfast(t, ['publish', 'board', 'hello', '-H', 'X-Mood: good', '--spec', controlUrl]);
  assert.deepEqual(published, { code: 0, stdout: 'Published\n', stderr: '' });
  const { code, stdout } = await polling.ended;
  assert.equal(code, 0);
  const [head = '', body] = stdout.split('\r\n\r\n');
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /\r\nX-Mood: good/);
  assert.doesNotMatch(head, /\r\ngrip-/i);
  assert.equal(body, 'hello\n');
});

test('curl gets a message of the page through a long poll', async (t) => {
  const curl = requirePeer(t, 'curl');
  if (curl === null) return;
  const { program, url } = await startDemo(t);
  const polling = new Program(t, curl, ['-sS', `${url}/next`]);
  await program.logged('hold', ({ mode }) => mode === 'response');
  const response = await fetch(`${url}/messages`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"name": " Ada ", "text": "hello"}',
  });
  assert.equal(response.status, 200);
  const { code, stdout } = await polling.ended;
  assert.equal(code, 0);
  const { name, text } = JSON.parse(stdout);
  assert.deepEqual({ name, text }, { name: 'Ada', text: 'hello' });
});

for (const signals of [['SIGTERM'], ['SIGINT', 'SIGINT']] as const) {
  test(`${signals.join(' and at once ')} ends held responses cleanly, and exits with 0`, async (t) => {
    const curl = requirePeer(t, 'curl');
    if (curl === null) return;
    const { program, url } = await startDemo(t);
    const watching = new Program(t, curl, ['-sSN', `${url}/events`]);
    await watching.output(/retry: 1000\n\n/);
    const polling = new Program(t, curl, ['-sS', '-w', '%{http_code}', `${url}/next`]);
    await program.logged('hold', ({ mode }) => mode === 'response');
    for (const signal of signals) program.kill(signal);
    assert.equal((await program.ended).code, 0);
    // curl would complain of a body that breaks off.
    assert.deepEqual(await watching.ended, { code: 0, stdout: 'retry: 1000\n\n', stderr: '' });
    assert.deepEqual(await polling.ended, { code: 0, stdout: '204', stderr: '' });
  });
}

test('a port in use is an error that names the option for another one', async (t) => {
  const { url, controlUrl } = await startDemo(t);
  const [port = '', controlPort = ''] = [new URL(url).port, new URL(controlUrl).port];
  const [free = ''] = (await freePorts(1)).map(String);
  const first = await holdfast(t, ['demo', '--port', port, '--control-port', free]);
  assert.equal(first.code, 1);
  assert.equal(first.stdout, '');
  assert.match(
    first.stderr,
    /^error: cannot listen on 127\.0\.0\.1:\d+: address already in use; choose another port with --port\n$/,
  );
  const second = await holdfast(t, ['demo', '--port', '0', '--control-port', controlPort]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^error: cannot listen on [^\n]*; choose another port with --control-port\n$/);
});

test('one port for both is an error, and the process exits', async (t) => {
  const { code, stdout, stderr } = await holdfast(t, ['demo', '--control-port', '7999']);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /^error: [^\n]*127\.0\.0\.1:7999 is already used by --port [^\n]*\n$/);
});

for (const [args, message] of [
  [['--port', 'x'], /--port <address>' argument 'x' is invalid\. The port is missing: expected "x:PORT"\./],
  [['--port', 'unix:/tmp/x'], /A browser needs a TCP port/],
  [['--control-port', '0'], /Expected a port from 1 to 65535/],
  [['--control-port', '70000'], /"70000" is not a port/],
  [['--log-level', 'loud'], /Allowed choices are error, warn, info, debug/],
] as const) {
  test(`demo ${args.join(' ')} is wrong usage`, async (t) => {
    const { code, stderr } = await holdfast(t, ['demo', ...args]);
    assert.equal(code, 2);
    assert.match(stderr, message);
  });
}
