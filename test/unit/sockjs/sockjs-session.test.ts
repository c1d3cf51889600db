import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { Rig } from './support.ts';

test('the origin has credit for what may wait, and gets it back when the client has taken all', async (t) => {
  const rig = new Rig(t);
  const origin = rig.open('a');
  assert.equal(origin.request.credits, 200_000);
  origin.requester.onResponseMessage(Buffer.alloc(100, 'x'), true, true);
  origin.requester.onResponseMessage(Buffer.alloc(100, 'y'), true, false);
  await turn();
  const client = rig.ask('/1/a/xhr', '', 50);
  await turn();
  assert.equal(client.body.length, 50);
  assert.equal(origin.credits, 0);
  client.credits += 1_000;
  client.responder?.onResponseCredit(1_000);
  assert.equal(client.body, `a["${'x'.repeat(100)}${'y'.repeat(100)}"]\n`);
  assert.equal(origin.credits, 200);
});

test('a client that is always a little behind is charged only for what it has not taken', async (t) => {
  const rig = new Rig(t);
  const origin = rig.open('a');
  const messages = 1_000;
  const send = (): void => {
    for (let i = 0; i < messages; i++) origin.requester.onResponseMessage(Buffer.from('0123456789'), true, false);
  };
  send();
  // Together they would be charged for more than may be held for all sessions, if what was taken still counted.
  for (let i = 0; i < 400; i++) {
    const client = rig.ask('/1/a/xhr', '', 1);
    send();
    client.credits += 65_536;
    client.responder?.onResponseCredit(65_536);
    if (i % 100 === 99) await turn();
  }
  assert.equal(rig.counters.sockJsSessionsFailed, 0);
  assert.equal(origin.credits, 400 * 10 * messages);
});

test('messages of the client go on as the origin grants, and a request that brings too many waits', (t) => {
  const rig = new Rig(t);
  const origin = rig.open('a');
  const message = 'x'.repeat(90_000);
  const sends = [1, 2].map(() => rig.ask('/1/a/xhr_send', `["${message}"]`));
  for (const client of sends) assert.deepEqual(client.response, [200, 'ok']);
  const third = rig.ask('/1/a/xhr_send', `["${message}"]`);
  assert.equal(third.end, null);
  assert.deepEqual(rig.ask('/1/a/xhr_send', '["a"]').response, [400, 'Already sending\n']);
  origin.requester.onRequestCredit(10);
  assert.deepEqual(origin.events, [`${'x'.repeat(10)}…`]);
  assert.equal(third.end, null);
  origin.requester.onRequestCredit(90_000);
  assert.deepEqual(third.response, [200, 'ok']);
  origin.requester.pauseRequest(true);
  origin.requester.onRequestCredit(1_000_000);
  assert.equal(origin.events.length, 3);
  origin.requester.pauseRequest(false);
  assert.equal(origin.events.length, 5);
});

test('a long list of empty messages goes on in shares', async (t) => {
  const rig = new Rig(t);
  const origin = rig.open('a');
  rig.ask('/1/a/xhr_send', `[${Array(8_000).fill('""').join(',')}]`);
  const first = origin.events.length;
  assert.ok(first <= 65, `${first} in one turn`);
  while (origin.events.length < 8_000) await turn();
  assert.ok(origin.events.every((event) => event === ''));
});

test('a message of the origin that is too large closes the session for both', async (t) => {
  const rig = new Rig(t);
  const origin = rig.open('a');
  origin.requester.onResponseMessage(Buffer.alloc(200_000), true, true);
  assert.deepEqual(origin.events, ['close 1009']);
  assert.equal(rig.counters.sockJsSessionsFailed, 1);
  const client = rig.ask('/1/a/xhr');
  await turn();
  assert.equal(client.body, 'c[1009,"Message too large"]\n');
});

test('a client that takes none of many empty messages loses its session', (t) => {
  const rig = new Rig(t);
  const origin = rig.open('a');
  for (let i = 0; i < 1_024; i++) origin.requester.onResponseMessage(Buffer.alloc(0), true, false);
  assert.deepEqual(origin.events, []);
  origin.requester.onResponseMessage(Buffer.alloc(0), true, false);
  assert.deepEqual(origin.events, ['HF_CLIENT_STALLED']);
  assert.equal(rig.counters.sockJsSessionsFailed, 1);
  assert.equal(rig.counters.sockJsSessionsOpen, 0);
  assert.equal(rig.ask('/1/a/xhr_send', '["a"]').head?.status, 404);
});

test('further sessions are refused when there are as many as may be', (t) => {
  const rig = new Rig(t);
  for (let i = 0; i < 16_384; i++) rig.ask(`/1/${i}/xhr`);
  assert.deepEqual(rig.ask('/1/more/xhr').response, [503, 'Too many sessions, try again later.\n']);
  assert.equal(rig.counters.sockJsSessionsRefused, 1);
  const [first] = rig.origins;
  first?.requester.onResponse({ status: 403, reason: '', headers: [], bodyLength: 0 });
  first?.requester.onResponseData(Buffer.alloc(0), false);
  assert.equal(rig.ask('/1/more/xhr').end, null);
  rig.server.drain();
  assert.equal(rig.counters.sockJsSessionsOpen, 0);
});

test('a request that leaves before its messages are taken makes no room for further ones', async (t) => {
  const rig = new Rig(t);
  const origin = rig.open('a');
  const body = `["${'x'.repeat(90_000)}"]`;
  rig.ask('/1/a/xhr_send', body);
  rig.ask('/1/a/xhr_send', body);
  const leaving = rig.ask('/1/a/xhr_send', body);
  assert.equal(leaving.end, null);
  leaving.responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE', 'left'));
  assert.deepEqual(rig.ask('/1/a/xhr_send', '["a"]').response, [400, 'Already sending\n']);
  origin.requester.onRequestCredit(270_000);
  assert.deepEqual(rig.ask('/1/a/xhr_send', '["a"]').response, [200, 'ok']);
});

test('a list has up to 8,192 messages', (t) => {
  const rig = new Rig(t);
  rig.open('a');
  const list = (count: number) => JSON.stringify(Array.from({ length: count }, () => ''));
  assert.deepEqual(rig.ask('/1/a/xhr_send', list(8_193)).response, [400, 'Payload expected\n']);
  // It waits until the origin has taken enough.
  assert.equal(rig.ask('/1/a/xhr_send', list(8_192)).end, null);
});
