import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordingRequester } from '../../support/exchange/recording-requester.ts';
import { turn } from '../../support/manual-clock.ts';
import { ReqRig } from '../../support/zhttp/req-rig.ts';

function boom(): never {
  throw new Error('boom');
}

/** All bytes that may be collected. */
const TOTAL = 67_108_864;

function checkOne(rig: ReqRig, bad: RecordingRequester): void {
  assert.equal(bad.error?.code, 'HF_INTERNAL');
  assert.match(bad.error?.detail ?? '', /boom/);
  assert.equal(rig.counters.faults, 1);
}

/** Requests that have a handler each: one that fails, and one that must go on. */
function two(rig: ReqRig): [RecordingRequester, RecordingRequester] {
  return [rig.request(), rig.request()];
}

function checkOther(rig: ReqRig, other: RecordingRequester): void {
  rig.respond('r-1-1', { code: 200, body: 'x' });
  assert.deepEqual(other.take(), ['head 200', 'data "x"']);
  assert.equal(rig.counters.sessionsOpen, 0);
}

test('a response whose requester throws is counted and logged, and ends that request alone', (t) => {
  const rig = new ReqRig(t);
  const [bad, other] = two(rig);
  bad.onResponse = boom;
  rig.respond('r-0-0', { code: 200, body: 'x' });
  assert.equal(rig.counters.faults, 1);
  assert.match(String(rig.log.of('internal error')[0]?.detail), /boom/);
  checkOther(rig, other);
});

test('a request that throws when no handler takes it ends alone', (t) => {
  const rig = new ReqRig(t);
  const [bad, other] = two(rig);
  bad.onResponseError = boom;
  rig.link.refuse('r-0-0');
  assert.equal(rig.counters.faults, 1);
  checkOther(rig, other);
});

test('a request that throws when its time is over ends alone', (t) => {
  const rig = new ReqRig(t);
  const bad = rig.request();
  rig.advance(20);
  const other = rig.request();
  bad.onResponseError = boom;
  rig.advance(11);
  assert.deepEqual([rig.counters.faults, rig.counters.sessionsOpen], [1, 1]);
  checkOther(rig, other);
});

test('a request that throws when there is room for its body ends alone, and the next one is collected', async (t) => {
  const rig = new ReqRig(t, { maxBodyBytes: 2 * TOTAL });
  const [first, bad, last] = Array.from({ length: 3 }, () => rig.request({ method: 'POST', bodyLength: TOTAL }));
  assert.ok(first !== undefined && bad !== undefined && last !== undefined);
  first.responder?.onRequestData(Buffer.alloc(TOTAL), true);
  for (const client of [first, bad, last]) client.send('x', true);
  const credit = last.requestCredit;
  bad.onRequestCredit = boom;
  first.leave();
  await turn();
  checkOne(rig, bad);
  assert.equal(last.requestCredit, credit + 1);
});

test('a request that throws when stopping does not keep the others from ending', (t) => {
  const rig = new ReqRig(t);
  const [bad, other] = two(rig);
  bad.onResponseError = boom;
  void rig.edge.stop();
  assert.deepEqual([rig.counters.faults, rig.counters.sessionsOpen, rig.link.closed], [1, 0, true]);
  assert.equal(other.error?.code, 'HF_DRAINING');
});

test('a packet that throws while it is read is counted, and the next one is taken', (t) => {
  const rig = new ReqRig(t);
  const [, other] = two(rig);
  Object.defineProperty(rig.counters, 'packetsUnclaimed', { get: boom, configurable: true });
  rig.respond('nobody', { code: 200 });
  Object.defineProperty(rig.counters, 'packetsUnclaimed', { value: 0, writable: true });
  assert.equal(rig.counters.faults, 1);
  rig.respond('r-1-1', { code: 200, body: 'x' });
  assert.deepEqual(other.take(), ['head 200', 'data "x"']);
});
