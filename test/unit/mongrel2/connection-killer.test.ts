import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mongrel2Dir } from '../../../src/config/index.ts';
import { NO_RESPONDER, type Requester } from '../../../src/exchange/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { type SiteRig, startSite } from '../../support/mongrel2/site-rig.ts';
import { settled } from '../../support/settled.ts';

const GET = 'GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const HANDSHAKE =
  'GET /h HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

const FOLDER: Mongrel2Dir = {
  kind: 'dir',
  base: '/',
  indexFile: '',
  defaultType: '',
  cacheTtl: 0,
  followLinks: false,
};

function drain(rig: SiteRig): void {
  rig.server.drain();
  rig.site.drain();
}

test('a client that fails all three tests is cut off after min_ping, and its handler gets the notice', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  clock(115);
  assert.equal(rig.counters.clientsKilled, 0);
  clock(30);
  assert.equal(await handler.nextGone(), id);
  await client.ended;
  assert.equal(rig.counters.clientsKilled, 1);
  assert.deepEqual(rig.log.of('inactive client cut off'), [{ id, peer: '127.0.0.1', failed: 3 }]);
});

test('a request starts the time again', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  clock(100);
  client.write(GET);
  await handler.next();
  clock(100);
  assert.equal(rig.counters.clientsKilled, 0);
  handler.answer(id, 'there');
  assert.equal(await client.takeBytes(5), 'there');
});

test('so does a keep-alive of the handler', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  for (let i = 0; i < 5; i++) {
    clock(100);
    handler.control(id, { keepAlive: true });
    handler.answer(id, '.');
    await client.takeBytes(1);
  }
  assert.equal(rig.counters.clientsKilled, 0);
});

test('a client that takes enough lives, however long its request is ago', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  for (let i = 0; i < 30; i++) {
    clock(10);
    handler.answer(id, Buffer.alloc(6_000));
    await client.takeBytes(6_000);
  }
  assert.equal(rig.counters.clientsKilled, 0);
});

test('kill_limit says how many tests may fail', async (t) => {
  const clock = manualClock(t);
  const never = await startSite(t, { settings: { killLimit: 3 } });
  const soon = await startSite(t, { settings: { killLimit: 0, minPing: 0 } });
  const [patient, strict] = [await never.handler(), await soon.handler()];
  const { id } = await never.ask(patient);
  const other = await soon.ask(strict);
  clock(12);
  assert.equal(await strict.nextGone(), other.id);
  clock(1_000);
  patient.answer(id, '');
  await settled(() => never.counters.clientsOpen);
  assert.equal(never.counters.clientsKilled, 0);
});

test('a limit of 0 is no test', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t, { settings: { minReadRate: 0 } });
  const handler = await rig.handler();
  await rig.ask(handler);
  clock(1_000);
  assert.equal(rig.counters.clientsKilled, 0);
});

test('each look is at a tenth of the connections, and all are looked at within tick_timer', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t, { settings: { minPing: 30 } });
  const handler = await rig.handler();
  for (let i = 0; i < 20; i++) await rig.ask(handler);
  clock(30);
  let before = rig.counters.clientsKilled;
  for (let i = 0; i < 22; i++) {
    clock(1);
    assert.ok(rig.counters.clientsKilled - before <= 4, 'two looks at most, at two each');
    before = rig.counters.clientsKilled;
  }
  assert.equal(before, 20);
});

test('connections that have their responses end when the site drains, others when they have them', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const answered = await rig.ask(handler);
  const awaiting = await rig.ask(handler);
  handler.answer(answered.id, 'one');
  assert.equal(await answered.client.takeBytes(3), 'one');
  clock(2);
  drain(rig);
  assert.equal(await answered.client.ended, 'fin');
  assert.equal(await handler.nextGone(), answered.id);
  clock(11);
  handler.answer(awaiting.id, 'two');
  assert.equal(await awaiting.client.takeBytes(3), 'two');
  clock(2);
  assert.equal(await awaiting.client.ended, 'fin');
});

test('a response that a handler has begun may go on for some seconds when the site drains', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  const say = async (text: string): Promise<void> => {
    handler.answer(id, text);
    assert.equal(await client.takeBytes(text.length), text);
  };
  await say('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n');
  drain(rig);
  for (const part of ['one', 'two', 'six']) {
    await say(part);
    clock(0.5);
  }
  clock(2);
  assert.equal(await client.ended, 'fin');
});

test('one that never pauses is cut off then', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  drain(rig);
  for (let i = 0; rig.counters.clientsOpen > 0; i++) {
    assert.ok(i < 20, 'it goes on and on');
    const { answersReceived } = rig.counters;
    handler.answer(id, '.');
    while (rig.counters.answersReceived === answersReceived) await turn();
    clock(0.5);
  }
  assert.equal(await client.ended, 'fin');
});

test('a WebSocket ends at once when the site drains, however busy it is', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler, HANDSHAKE);
  handler.answer(id, 'accepted');
  assert.equal(await client.takeBytes(8), 'accepted');
  drain(rig);
  assert.equal(await client.ended, 'fin');
});

test("an upload, and a response that is not a handler's, are completed when the site drains", async (t) => {
  const exchanges: Requester[] = [];
  const rig = await startSite(t, {
    settings: { uploadStream: true, contentLength: 1 },
    routes: [
      { path: '/h', target: handlerOf() },
      { path: '/f', target: FOLDER },
    ],
    service: (_request, requester) => {
      exchanges.push(requester);
      requester.onResponse({ status: 200, reason: '', headers: [], bodyLength: 4 });
      return NO_RESPONDER;
    },
  });
  const handler = await rig.handler();
  const uploading = await rig.ask(handler, 'POST /h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab');
  const loading = await rig.ask(handler);
  handler.answer(loading.id, OK);
  assert.equal(await loading.client.takeBytes(OK.length), OK);
  loading.client.write('GET /f HTTP/1.1\r\nHost: localhost\r\n\r\n');
  while (exchanges.length === 0) await turn();
  drain(rig);
  handler.control(uploading.id, { credits: 4 });
  uploading.client.write('cd');
  assert.equal((await handler.next()).body.toString(), 'cd');
  handler.answer(uploading.id, OK);
  assert.equal(await uploading.client.takeBytes(OK.length), OK);
  exchanges[0]?.onResponseData(Buffer.from('file'), false);
  assert.equal((await loading.client.takeResponse()).body, 'file');
});

test('draining looks at many connections in slices', async (t) => {
  const clock = manualClock(t);
  const rig = await startSite(t);
  const handler = await rig.handler();
  const clients = [];
  for (let i = 0; i < 600; i++) {
    const { client, id } = await rig.ask(handler);
    handler.answer(id, 'x');
    await client.takeBytes(1);
    clients.push(client);
  }
  clock(12);
  drain(rig);
  assert.equal(rig.counters.clientsOpen, 600 - 256);
  for (const client of clients) {
    assert.equal(await client.ended, 'fin');
    client.end();
  }
  await rig.server.whenEmpty();
  assert.equal(rig.counters.clientsOpen, 0);
});
