import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { UNKNOWN } from '../../../src/zhttp/index.ts';
import { edgeRig } from '../../support/zhttp/edge-rig.ts';

test('a request whose first packet of the response was missed is offered again as another session', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request({ target: '/again' });
  rig.link.respondAll([[id, 1]], { code: 200, more: true });
  const [, second] = rig.link.offered;
  assert.deepEqual([second?.uri, second?.ids], ['http://example.com/again', [{ id: 'e-0-1', seq: 0 }]]);
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 cancel`]);
  assert.deepEqual(client.take(), []);
  // What the handler still sends for the first one is nobody's.
  rig.link.respondAll([[id, 2]], { body: 'old', more: true });
  rig.link.respond('e-0-1', { code: 200, body: 'new' });
  assert.deepEqual(client.take(), ['head 200', 'data "new"']);
  assert.deepEqual([rig.counters.sessionsRepeated, rig.counters.sessionsFailed, rig.counters.sessionsOpen], [1, 0, 0]);
});

test('a WebSocket is offered again too', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.webSocket();
  rig.link.respondAll([[id, 1]], { type: 'keep-alive' });
  rig.link.respond('e-0-1', { code: 101, credits: 10 });
  assert.deepEqual(client.take(), ['head 101', 'credit 10']);
  client.message('x');
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 cancel`, 'h1 e-0-1#1 data text "x"']);
});

test('a request is repeated twice at most', (t) => {
  const rig = edgeRig(t);
  const { client } = rig.request();
  for (const id of ['e-0-0', 'e-0-1', 'e-0-2']) rig.link.respondAll([[id, 1]], { code: 200 });
  assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
  assert.equal(rig.link.offered.length, 3);
});

test('a request that must not be repeated fails', (t) => {
  for (const method of ['POST', 'PATCH', 'X']) {
    const rig = edgeRig(t);
    const { client, id } = rig.request({ method });
    rig.link.respondAll([[id, 1]], { code: 200 });
    assert.deepEqual([client.take(), rig.link.offered.length], [['error HF_BACKEND_PROTOCOL'], 1], method);
  }
});

test('a first packet with a number over 4 is a protocol error', (t) => {
  for (const [seq, offered] of [
    [4, 2],
    [5, 1],
  ] as const) {
    const rig = edgeRig(t);
    const { client, id } = rig.request();
    rig.link.respondAll([[id, seq]], { code: 200 });
    assert.deepEqual([client.take().length, rig.link.offered.length], [2 - offered, offered]);
  }
});

test('a request is not repeated after a packet of its handler', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.respond(id, { type: 'keep-alive' });
  rig.link.respondAll([[id, 2]], { code: 200 });
  assert.deepEqual([client.take(), rig.link.offered.length], [['error HF_BACKEND_PROTOCOL'], 1]);
});

test('the body of a repeated PUT goes to the handler that takes it', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request({ method: 'PUT', bodyLength: UNKNOWN_LENGTH });
  rig.link.respondAll([[id, 1]], { type: 'keep-alive' });
  rig.link.respond('e-0-1', { type: 'credit', credits: 100 });
  client.send('body');
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 cancel`, 'h1 e-0-1#1 data "body"']);
});

test('a client that leaves after its request was repeated withdraws the second one', (t) => {
  const rig = edgeRig(t);
  rig.link.withdrawable = true;
  const { client, id } = rig.request();
  rig.link.reaches.set('h1', UNKNOWN);
  rig.link.respondAll([[id, 1]], { code: 200 });
  assert.deepEqual(rig.link.take(), [], 'a handler that is not connected is told nothing');
  client.leave();
  assert.deepEqual([rig.link.withdrawn, rig.counters.sessionsOpen], [['e-0-1'], 0]);
});
