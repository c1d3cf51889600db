import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ITEM = { channel: 'c', formats: { 'http-stream': { content: 'one\n' } } };

/** Runs a server with these keys of `[control]` in front of an origin that holds all requests on the channel "c". */
async function start(t: TestContext, control = '') {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'c' }).end('open\n');
  });
  const cwd = temporaryFolder(t, { 'holdfast.toml': `[control]\n${control}` });
  const ports = ['--port', '127.0.0.1:0', '--control-port', '127.0.0.1:0'];
  const program = startHoldfast(t, ['run', ...ports, '--route', `* ${origin}`], { cwd });
  const { clients, publishers } = await program.logged('started');
  return { client: (clients as string[])[0] ?? '', controlUrl: `http://${(publishers as string[])[0]}` };
}

/** A JWT signed with HS256. */
function token(claims: object, key: string): string {
  const input = [{ typ: 'JWT', alg: 'HS256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

function publish(
  controlUrl: string,
  headers: Record<string, string> = {},
  items: unknown[] = [ITEM],
): Promise<Response> {
  return fetch(`${controlUrl}/publish/`, { method: 'POST', headers, body: JSON.stringify({ items }) });
}

test('the endpoint can require a JWT or a password; both go for /metrics too, and / is free', async (t) => {
  const { controlUrl } = await start(t, 'bearer_key = "secret"\nbearer_iss = "app"\nbasic = ["ann:pa:ss"]\n');
  const soon = Math.floor(Date.now() / 1000) + 60;
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  for (const [authorization, status] of [
    ['', 401],
    ['Bearer nonsense', 401],
    [`Bearer ${token({ iss: 'app', exp: soon }, 'other')}`, 401],
    [`Bearer ${token({ iss: 'other', exp: soon }, 'secret')}`, 401],
    [`Bearer ${token({ iss: 'app', exp: soon - 120 }, 'secret')}`, 401],
    [`Bearer ${token({ iss: 'app' }, 'secret')}`, 401],
    [`Bearer ${token({ iss: 'app', exp: soon }, 'secret')}`, 200],
    [basic('ann:pass'), 401],
    [basic('ann:pa:ss'), 200],
  ] as const) {
    const response = await publish(controlUrl, authorization === '' ? {} : { Authorization: authorization });
    assert.equal(response.status, status, authorization);
    if (status === 401) assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer, Basic realm="holdfast"/);
  }
  assert.equal((await fetch(`${controlUrl}/metrics`)).status, 401);
  assert.equal((await fetch(`${controlUrl}/metrics`, { headers: { Authorization: basic('ann:pa:ss') } })).status, 200);
  assert.equal((await fetch(`${controlUrl}/`)).status, 200);
});

test('above request_rate publishers get a 429 with Retry-After', async (t) => {
  const { controlUrl } = await start(t, 'request_rate = 1\n');
  assert.equal((await publish(controlUrl)).status, 200);
  const refused = await publish(controlUrl);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '1');
});

test('pages of allowed origins may publish, those of others may not', async (t) => {
  const { controlUrl } = await start(t, 'origins = ["https://app.example"]\n');
  const from = (page: string) => ({ Origin: page, 'Sec-Fetch-Site': 'cross-site' });
  const allowed = await publish(controlUrl, from('https://app.example'));
  assert.equal(allowed.status, 200);
  assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example');
  assert.equal((await publish(controlUrl, from('https://evil.example'))).status, 403);
  const preflight = await fetch(`${controlUrl}/publish/`, { method: 'OPTIONS', headers: from('https://app.example') });
  assert.equal(preflight.status, 200);
  assert.equal(preflight.headers.get('access-control-allow-methods'), 'POST');
});

test('Prefer: return=representation tells how many receivers each item had', async (t) => {
  const { client, controlUrl } = await start(t);
  for (let i = 0; i < 2; i++) {
    const held = await connectTo(t, client);
    held.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await held.take('open\n');
  }
  const items = [
    { ...ITEM, id: '1' },
    { ...ITEM, channel: 'nobody' },
  ];
  const response = await publish(controlUrl, { Prefer: 'return=representation' }, items);
  assert.equal(response.headers.get('preference-applied'), 'return=representation');
  assert.deepEqual(await response.json(), {
    message: 'Published',
    items: [
      { channel: 'c', id: '1', receivers: 2, cursor: null },
      { channel: 'nobody', receivers: 0, cursor: null },
    ],
  });
  // The same id again is dropped as repeated.
  const again = await publish(controlUrl, { Prefer: 'return=representation' }, items.slice(0, 1));
  assert.deepEqual(((await again.json()) as { items: unknown }).items, [
    { channel: 'c', id: '1', receivers: 0, cursor: null },
  ]);
});
