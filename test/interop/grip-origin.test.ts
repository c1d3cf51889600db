import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  Channel,
  GripInstruct,
  HttpResponseFormat,
  HttpStreamFormat,
  type IItem,
  PublishException,
  Publisher,
  WebSocketMessageFormat,
} from '@fanoutio/grip';
import { httpOrigin, type Origin, type OriginResponse } from '../support/http-origin.ts';
import { type Changes, type RunningApp, startApp } from '../support/running-app.ts';
import { stoppedClock } from '../unit/hub/support.ts';
import { ecKeys } from '../unit/proxy/support/keys.ts';

const SECRET = 'a secret of origin and proxy';

interface Site {
  readonly app: RunningApp;
  readonly origin: Origin;
  readonly publisher: Publisher;
}

/** An origin that answers with the library's own instructions, the app in front of it, and the library's publisher. */
async function site(
  t: TestContext,
  answer: OriginResponse | ((earlier: number) => OriginResponse),
  { properties = '', overrides = {} as Changes, query = '', prefix = '' } = {},
): Promise<Site> {
  const origin = await httpOrigin(t, (_request, earlier) => (typeof answer === 'function' ? answer(earlier) : answer));
  const app = await startApp(t, [`*${properties} ${origin.target}`], overrides);
  const publisher = new Publisher(`http://${app.app.addresses.control[0]}/${query}`, { prefix });
  return { app, origin, publisher };
}

/** An answer with the instructions that `fill` puts together. */
function instructed(fill: (instruct: GripInstruct) => void, body = 'nothing new\n'): OriginResponse {
  const instruct = new GripInstruct('room');
  fill(instruct);
  return { headers: instruct.toHeaders({ 'Content-Type': 'text/plain' }), body };
}

const LONG_POLL = instructed((instruct) => instruct.setHoldLongPoll(20));
const STREAM = instructed((instruct) => instruct.setHoldStream(), 'begin\n');

test('The library finds requests signed with the shared secret of its GRIP URL', async (t) => {
  const key = `base64:${Buffer.from(SECRET).toString('base64')}`;
  const { app, origin, publisher } = await site(
    t,
    {},
    {
      properties: `,sig_iss=edge,sig_key=${key}`,
      query: `?iss=app&key=${encodeURIComponent(key)}&verify-iss=edge`,
    },
  );
  await app.send({ headers: { 'Grip-Sig': 'forged' } });
  const signature = origin.requests[0]?.header('grip-sig') ?? null;
  assert.deepEqual(await publisher.validateGripSig(signature), { isProxied: true, needsSigned: true, isSigned: true });
  // The publisher's own token is no concern of the endpoint.
  await publisher.publishHttpStream('room', 'x');
  assert.equal(app.counters.itemsPublished, 1);
});

test('The library finds requests signed with a private key, by the public one', async (t) => {
  const keys = ecKeys();
  const file = join(mkdtempSync(join(tmpdir(), 'holdfast-')), 'key.pem');
  t.after(() => rmSync(dirname(file), { recursive: true }));
  writeFileSync(file, keys.privatePem);
  const { app, origin } = await site(t, {}, { overrides: { proxy: { sigKey: `file:${file}` } } });
  await app.send();
  const signature = origin.requests[0]?.header('grip-sig') ?? null;
  for (const [key, signed] of [
    [keys.publicPem, true],
    [ecKeys().publicPem, false],
  ] as const) {
    const publisher = new Publisher({ control_uri: 'http://127.0.0.1/', verify_key: key, verify_iss: 'pushpin' });
    assert.equal((await publisher.validateGripSig(signature)).isSigned, signed);
  }
});

test('A long poll gets a text that the library publishes', async (t) => {
  const { app, publisher } = await site(t, LONG_POLL);
  const answer = app.send();
  await app.held();
  await publisher.publishHttpResponse('room', 'h\u00e9llo\n');
  const { status, body, headers } = await answer;
  assert.equal(status, 200);
  assert.equal(body.toString(), 'h\u00e9llo\n');
  assert.deepEqual(
    headers.filter((_, index) => headers[index - (index % 2)]?.toLowerCase().startsWith('grip-')),
    [],
  );
});

test('A long poll gets every part of a response of the library', async (t) => {
  const { app, publisher } = await site(t, LONG_POLL);
  const answer = app.send();
  await app.held();
  const headers = { 'Content-Type': 'application/octet-stream', 'X-Own': '1' };
  const body = new Uint8Array([0, 1, 254, 255]);
  await publisher.publishHttpResponse('room', new HttpResponseFormat({ code: '201', reason: 'Fresh', headers, body }));
  const got = await answer;
  assert.deepEqual([got.status, got.reason, [...got.body]], [201, 'Fresh', [0, 1, 254, 255]]);
  assert.deepEqual([got.header('content-type'), got.header('x-own')], ['application/octet-stream', '1']);
});

test('A long poll that times out gets the status that the library sets', async (t) => {
  const advance = stoppedClock(t);
  const poll = instructed((instruct) => {
    instruct.setHoldLongPoll(20);
    instruct.setStatus(304);
  }, '');
  const { app } = await site(t, poll);
  const answer = app.send();
  await app.held();
  advance(19_000);
  assert.equal(app.counters.holdsOpen, 1);
  advance(1_300);
  assert.equal((await answer).status, 304);
});

test('A stream gets texts and bytes of the library, and ends with its close', async (t) => {
  const { app, publisher } = await site(t, STREAM);
  const answer = await app.stream();
  await answer.until('begin\n');
  await publisher.publishHttpStream('room', 'one\n');
  await publisher.publishHttpStream('room', new HttpStreamFormat(new Uint8Array([0, 255])));
  await answer.until('one\n\x00\xff');
  assert.deepEqual(new HttpStreamFormat(null, true).export(), { action: 'close', content: '' });
  await publisher.publishHttpStream('room', new HttpStreamFormat(null, true));
  assert.equal(await answer.ended(), true);
});

test('Keep-alives of the library come in both of its formats', async (t) => {
  for (const [content, expected] of [
    ['\\ event: keep-alive\ndata:\r\n\n', '\\ event: keep-alive\ndata:\r\n\n'],
    [new Uint8Array([0, 59, 255]), '\x00;\xff'],
  ] as const) {
    await t.test(JSON.stringify(expected), async (inner) => {
      const advance = stoppedClock(inner);
      inner.mock.method(Math, 'random', () => 0);
      const stream = instructed((instruct) => {
        instruct.setHoldStream();
        instruct.setKeepAlive(content, 20);
      }, 'begin\n');
      const { app } = await site(inner, stream);
      const answer = await app.stream();
      await answer.until('begin\n');
      advance(20_500);
      await answer.until(`begin\n${expected}`);
    });
  }
});

test('Channels with a previous id, metadata and several at once are understood', async (t) => {
  const { app, origin, publisher } = await site(t, (earlier) => {
    const instruct = new GripInstruct([new Channel('room', '7'), new Channel('other')]);
    instruct.setHoldLongPoll();
    instruct.meta = { user: 'a "quoted" \\ name', role: 'guest' };
    return earlier === 0 ? { headers: instruct.toHeaders() } : LONG_POLL;
  });
  const answer = app.send();
  await app.held(1);
  await app.recover();
  await app.held(2);
  assert.deepEqual(origin.requests[1]?.all('grip-last'), ['room; last-id=7']);
  await publisher.publishHttpResponse('room', 'published', '8', '7');
  assert.equal((await answer).text, 'published');
});

test('One item of the library serves both kinds of holds, whatever else it is for', async (t) => {
  const { app, publisher } = await site(t, (earlier) => (earlier === 0 ? LONG_POLL : STREAM));
  const response = app.send();
  await app.held(1);
  const stream = await app.stream();
  await stream.until('begin\n');
  await publisher.publishFormats('room', [
    new HttpResponseFormat({ body: 'for the response' }),
    new HttpStreamFormat('for the stream'),
    new WebSocketMessageFormat('for nobody here'),
  ]);
  assert.equal((await response).text, 'for the response');
  await stream.until('for the stream');
  await publisher.publishFormats('room', new WebSocketMessageFormat(null, true, 1000));
});

test('A prefix of the publisher matches that of the route', async (t) => {
  const { app, publisher } = await site(t, LONG_POLL, { properties: ',prefix=own-', prefix: 'own-' });
  const answer = app.send();
  await app.held();
  await publisher.publishHttpResponse('room', 'published');
  assert.equal((await answer).text, 'published');
});

test('Instructions without a hold only lose their GRIP fields', async (t) => {
  const { app } = await site(t, { headers: new GripInstruct().toHeaders({ 'X-Own': '1' }), body: 'plain' });
  const answer = await app.send();
  assert.deepEqual([answer.text, answer.header('x-own'), answer.header('grip-channel')], ['plain', '1', undefined]);
});

test('The library throws with the reason when an item is refused', async (t) => {
  const { app, publisher } = await site(t, LONG_POLL);
  const item: IItem = { export: () => ({ formats: { 'http-stream': {} } }) };
  await assert.rejects(publisher.publish('room', item), (error: unknown) => {
    assert.ok(error instanceof PublishException);
    assert.equal(error.context.statusCode, 400);
    assert.equal(error.context.httpBody, "Invalid format: 'http-stream' does not contain 'content' or 'content-bin'\n");
    return true;
  });
  assert.equal(app.app.counters.control.publishesRefused, 1);
});
