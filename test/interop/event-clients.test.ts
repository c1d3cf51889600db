import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openBrowser } from '../support/browser.ts';
import { CuttingRelay } from '../support/cutting-relay.ts';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { StreamingOrigin } from '../support/resumable.ts';

const CLIENTS = fileURLToPath(new URL('../support/event-clients.mjs', import.meta.url));
const MCP_ORIGIN = fileURLToPath(new URL('../support/mcp-origin.mjs', import.meta.url));

/** How often the connection of a client is broken in one stream, and the events between two of these. */
const CUTS = 10;
const BETWEEN = 5;

/** What each client has to get. */
const NUMBERS = Array.from({ length: CUTS * BETWEEN }, (_, i) => String(i));

/** A server with one route to the origin, behind a relay. */
async function startRelay(t: TestContext, origin: string): Promise<CuttingRelay> {
  const { clients } = await runServer(t, [], `[[route]]\nhost = "*"\ntargets = ["${origin}"]\n[route.resume]\n`);
  return CuttingRelay.start(t, clients[0] ?? '');
}

/** Sends all events, and breaks the client's connection in the middle of each lot. @param got resolves when the client has an event */
async function sendAll(
  relay: CuttingRelay,
  send: (number: string) => void,
  got: (number: string) => Promise<void>,
): Promise<void> {
  for (let i = 0; i < NUMBERS.length; i += BETWEEN) {
    const lot = NUMBERS.slice(i, i + BETWEEN);
    const [first = '', ...more] = lot;
    send(first);
    await got(first);
    // Some are on their way, and some come while the client is away.
    for (const number of more.slice(0, 2)) send(number);
    relay.cut();
    for (const number of more.slice(2)) send(number);
    await got(lot.at(-1) ?? '');
  }
}

/** Resolves when the program has written a line. */
async function wrote(program: Program, line: string): Promise<void> {
  await program.output(new RegExp(`^${line}\n`, 'm'));
}

test("Chromium's EventSource loses its connection ten times and no event, and stops at the end", async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const origin = await StreamingOrigin.start(t);
  const relay = await startRelay(t, origin.address);
  const browser = await openBrowser(t, chromium);
  const page = await browser.newPage();
  const loaded = page.goto(`${relay.url}/`);
  (await origin.next()).response.writeHead(200, { 'Content-Type': 'text/html' }).end('<link rel="icon" href="data:,">');
  await loaded;
  await page.evaluate(`
    window.got = [];
    window.source = new EventSource('/events');
    source.onmessage = ({ data }) => got.push(data);
  `);
  const stream = (await origin.next()).begin();
  stream.response.write('retry: 10\n\n');
  await sendAll(
    relay,
    (number) => stream.send(number),
    async (number) => void (await page.waitForFunction(`got.includes('${number}')`)),
  );
  stream.end();
  await page.waitForFunction('source.readyState === EventSource.CLOSED');
  assert.deepEqual(await page.evaluate('got'), NUMBERS);
  assert.equal(origin.asked.length, 2);
});

test("Chromium's EventSource loses its connection ten times on a channel with a history: it gets each item once", async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const origin = await startOrigin(t, ({ url }, response) => {
    if (url === '/') {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end('<link rel="icon" href="data:,">');
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Grip-Hold': 'stream', 'Grip-Channel': 'a' });
    response.end('retry: 10\n\n');
  });
  const toml = `[[route]]\nhost = "*"\ntargets = ["${origin}"]\n[[channel]]\nmatch = ">"\nhistory_items = 100\n`;
  const { clients, controlUrl } = await runServer(t, [], toml);
  const relay = await CuttingRelay.start(t, clients[0] ?? '');
  const browser = await openBrowser(t, chromium);
  const page = await browser.newPage();
  await page.goto(`${relay.url}/`);
  await page.evaluate(`
    window.got = [];
    window.source = new EventSource('/events');
    source.onmessage = ({ data }) => got.push(data);
    source.addEventListener('gap', () => got.push('gap'));
  `);
  await page.waitForFunction('source.readyState === EventSource.OPEN');
  let published = Promise.resolve();
  await sendAll(
    relay,
    (number) => {
      const items = [{ channel: 'a', formats: { 'http-stream': { content: `data: ${number}\n\n` } } }];
      published = published.then(async () => {
        const response = await fetch(`${controlUrl}/publish`, { method: 'POST', body: JSON.stringify({ items }) });
        assert.equal(response.status, 200);
      });
    },
    async (number) => void (await page.waitForFunction(`got.includes('${number}')`)),
  );
  await published;
  assert.deepEqual(await page.evaluate('got'), NUMBERS);
  assert.ok(relay.accepted > CUTS);
});

test('the package eventsource loses its connection ten times and no event, and stops at the end', async (t) => {
  const origin = await StreamingOrigin.start(t);
  const relay = await startRelay(t, origin.address);
  const client = new Program(t, process.execPath, [CLIENTS, 'eventsource', `${relay.url}/events`]);
  const stream = (await origin.next()).begin();
  stream.response.write('retry: 10\n\n');
  await sendAll(
    relay,
    (number) => stream.send(number),
    (number) => wrote(client, number),
  );
  stream.end();
  const { stdout, stderr } = await client.ended;
  assert.equal(stdout, [...NUMBERS, 'closed 204', ''].join('\n'), stderr);
  assert.equal(origin.asked.length, 1);
});

test('a program that reads the stream of a POST comes back by GET, ten times', async (t) => {
  const origin = await StreamingOrigin.start(t);
  const relay = await startRelay(t, origin.address);
  const client = new Program(t, process.execPath, [CLIENTS, 'openai', `${relay.url}/v1/chat/completions`]);
  const { request, response } = (await origin.next()).begin();
  assert.equal(request.method, 'POST');
  await sendAll(
    relay,
    (content) => response.write(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`),
    (number) => wrote(client, number),
  );
  response.end('data: [DONE]\n\n');
  const { stdout, stderr } = await client.ended;
  assert.equal(stdout, [...NUMBERS, 'done', ''].join('\n'), stderr);
  assert.equal(origin.asked.length, 1);
});

test("the client of MCP's SDK calls a tool, and loses its connection ten times and no progress", async (t) => {
  const input = new PassThrough();
  const origin = new Program(t, process.execPath, [MCP_ORIGIN], { input });
  const [port = ''] = await origin.output(/^\d+(?=\n)/);
  const relay = await startRelay(t, `127.0.0.1:${port}`);
  const client = new Program(t, process.execPath, [CLIENTS, 'mcp', `${relay.url}/mcp`]);
  await sendAll(
    relay,
    () => input.write('go\n'),
    (number) => wrote(client, `progress ${Number(number) + 1}`),
  );
  input.write('end\n');
  const { stdout, stderr } = await client.ended;
  const progress = NUMBERS.map((number) => `progress ${Number(number) + 1}`);
  assert.equal(stdout, [...progress, 'result counted', ''].join('\n'), stderr);
  // No request came with an event id: all of these were for Holdfast.
  assert.doesNotMatch(origin.stdout, /^\w+ (?!-)/m);
});
