import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL, UNKNOWN } from '../../../src/zhttp/index.ts';
import { type EdgeRig, edgeRig, type Opened } from '../../support/zhttp/edge-rig.ts';

function boom(): never {
  throw new Error('boom');
}

/** One session that fails, and others that must go on. */
function open(rig: EdgeRig): { bad: Opened; others: Opened[] } {
  const [bad, ...others] = Array.from({ length: 4 }, () => rig.openWebSocket());
  assert.ok(bad !== undefined);
  return { bad, others };
}

function checkOthers(rig: EdgeRig, { bad, others }: { bad: Opened; others: Opened[] }): void {
  assert.equal(bad.client.error?.code, 'HF_INTERNAL');
  assert.match(bad.client.error?.detail ?? '', /boom/);
  assert.equal(rig.counters.faults, 1);
  for (const { client, id } of others) {
    client.take();
    rig.link.respond(id, { body: 'x' });
    assert.deepEqual(client.take(), ['text "x"']);
  }
  assert.equal(rig.counters.sessionsOpen, 3);
}

test('a packet for many sessions that one of them cannot take reaches the others', (t) => {
  const rig = edgeRig(t);
  const all = open(rig);
  all.bad.client.onResponseMessage = boom;
  const ids = [all.bad, ...all.others].map(({ id }) => [id, rig.link.nextSeq(id)] as const);
  rig.link.respondAll(ids, { body: 'all' });
  for (const { client, id } of all.others) {
    assert.deepEqual(client.take(), ['text "all"']);
    rig.link.skipSeq(id);
  }
  checkOthers(rig, all);
});

test('a session that throws when it is checked ends alone', (t) => {
  const rig = edgeRig(t);
  const all = open(rig);
  rig.link.respond(all.bad.id, { body: 'x'.repeat(100) });
  rig.link.onRouted = ({ packet }) => {
    if (packet.type === 'credit' && packet.ids[0]?.id === all.bad.id) boom();
  };
  rig.advance(1);
  checkOthers(rig, all);
});

test('a session that throws when its handler takes packets again ends alone, and the next ones get their turn', (t) => {
  const rig = edgeRig(t);
  const all = open(rig);
  rig.link.reaches.set('h1', FULL);
  for (const { client } of [all.bad, ...all.others]) client.message('held');
  all.bad.client.onPause = boom;
  rig.link.ready();
  for (const { client } of all.others) assert.equal(client.paused, false);
  checkOthers(rig, all);
});

test('a session that throws when its handler is given up ends alone', (t) => {
  const rig = edgeRig(t);
  rig.link.reaches.set('h1', UNKNOWN);
  const [bad, other] = [rig.openWebSocket(), rig.openWebSocket()];
  for (const { client } of [bad, other]) client.message('x');
  bad.client.onResponseError = (error) => {
    bad.client.end = error;
    boom();
  };
  rig.advance(6);
  assert.equal(rig.counters.faults, 1);
  assert.equal(other.client.error?.detail, 'the handler has not been connected for 5 s');
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a session that throws when its packet is lost ends alone', (t) => {
  const rig = edgeRig(t);
  const all = open(rig);
  all.bad.client.onResponseError = (error) => {
    all.bad.client.end = error;
    boom();
  };
  for (const { id } of [all.bad, all.others[0] as Opened]) rig.link.lose(id);
  assert.equal(rig.counters.faults, 1);
  assert.equal(all.others[0]?.client.error?.code, 'HF_BACKEND_OVERLOADED');
  assert.equal(rig.counters.sessionsOpen, 2);
});

test('a request that throws when no handler takes it ends alone', (t) => {
  const rig = edgeRig(t);
  const [bad, other] = [rig.request(), rig.request()];
  bad.client.onResponseError = boom;
  for (const { id } of [bad, other]) rig.link.refuse(id);
  assert.equal(rig.counters.faults, 1);
  assert.equal(other.client.error?.code, 'HF_BACKEND_ABSENT');
});

test('a session that throws when stopping does not keep the others from ending', (t) => {
  const rig = edgeRig(t);
  const { bad, others } = open(rig);
  bad.client.onResponseError = boom;
  void rig.edge.stop();
  assert.deepEqual([rig.counters.faults, rig.counters.sessionsOpen, rig.link.closed], [1, 0, true]);
  for (const { client } of others) assert.equal(client.error?.code, 'HF_DRAINING');
});

test('a packet that throws while it is read is counted, and the next one is taken', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  const { sessions } = rig.counters;
  Object.defineProperty(rig.counters, 'packetsUnclaimed', { get: boom, configurable: true });
  rig.link.respond('nobody', { code: 200 });
  Object.defineProperty(rig.counters, 'packetsUnclaimed', { value: 0, writable: true });
  assert.deepEqual([rig.counters.faults, sessions], [1, 1]);
  rig.link.respond(id, { code: 200, body: 'x' });
  assert.deepEqual(client.take(), ['head 200', 'data "x"']);
});
