import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ExchangeError, NO_RESPONDER } from '../../../src/exchange/index.ts';
import { Hub } from '../../../src/hub/index.ts';
import { ReplayPacer } from '../../../src/hub/replay-pacer.ts';
import { StreamSession } from '../../../src/hub/stream-session.ts';
import { GripResponse } from '../../../src/proxy/grip-response.ts';
import { UpstreamTrust } from '../../../src/proxy/index.ts';
import { LinkRoute } from '../../../src/proxy/link-route.ts';
import { ScriptedService } from '../../support/scripted-service.ts';
import { TargetsRig } from './support/targets-rig.ts';

test('An exception while a signature is looked at ends only that exchange', async (t) => {
  const scripted = new ScriptedService();
  const rig = new TargetsRig(t, ['* a.test:1'], (_target, request, requester) => {
    if (request.target === '/throw') throw new Error('thrown by the test');
    return scripted.service(request, requester);
  });
  rig.settings.current = { ...rig.settings.current, trust: new UpstreamTrust(Buffer.from('secret')) };
  const headers = ['Grip-Sig', 'x'];
  const failing = rig.send({ target: '/throw', headers });
  const other = rig.send({ headers });
  assert.equal((await failing.failed()).code, 'HF_INTERNAL');
  (await scripted.next()).respond('hello');
  await other.completed();
  assert.equal(other.body, 'hello');
  assert.equal(rig.counters.faults, 1);
  assert.match(String(rig.log.of('internal error')[0]?.detail), /thrown by the test/);
});

test('A key that cannot verify ends only the exchange that it was for', async (t) => {
  const rig = new TargetsRig(t, ['* a.test:1'], () => assert.fail('not to be sent'));
  const trust = new UpstreamTrust(Buffer.from('secret'));
  trust.trusts = () => Promise.reject(new Error('rejected by the test'));
  rig.settings.current = { ...rig.settings.current, trust };
  assert.equal((await rig.send({ headers: ['Grip-Sig', 'x'] }).failed()).code, 'HF_INTERNAL');
  assert.equal(rig.counters.faults, 1);
});

for (const coding of ['identity', 'gzip']) {
  test(`An exception while a client comes to be held ends only that exchange (${coding})`, async (t) => {
    const scripted = new ScriptedService();
    const rig = new TargetsRig(t, ['* a.test:1'], (_target, request, requester) =>
      scripted.service(request, requester),
    );
    const failing = rig.send();
    const other = rig.send();
    const hold = t.mock.method(Hub.prototype, 'hold', () => {
      throw new Error('thrown by the test');
    });
    const headers = ['Grip-Hold', 'response', 'Grip-Channel', 'a', 'Content-Encoding', coding];
    const body = coding === 'gzip' ? gzipSync(Buffer.from('later')) : Buffer.from('later');
    (await scripted.next()).respond(body.toString('latin1'), { headers });
    await failing.completed();
    assert.equal(failing.head?.status, 500);
    hold.mock.restore();
    assert.equal(rig.counters.faults, 1);
    (await scripted.next()).respond('hello');
    await other.completed();
    assert.equal(other.body, 'hello');
  });
}

test('An exception while a compressed response is decoded ends only that exchange', async (t) => {
  const scripted = new ScriptedService();
  const rig = new TargetsRig(t, ['* a.test:1'], (_target, request, requester) => scripted.service(request, requester));
  const failing = rig.send();
  const mocked = t.mock.method(GripResponse.prototype, 'onDecoded', () => {
    throw new Error('thrown by the test');
  });
  const headers = ['Grip-Hold', 'stream', 'Grip-Channel', 'a', 'Content-Encoding', 'gzip'];
  (await scripted.next()).respond(gzipSync(Buffer.alloc(100_000)).toString('latin1'), { headers });
  await failing.completed();
  mocked.mock.restore();
  assert.deepEqual([failing.head?.status, rig.counters.faults], [500, 1]);
});

test('An exception when a next link has its response ends only that stream, and its place is free', async (t) => {
  const scripted = new ScriptedService();
  const rig = new TargetsRig(t, ['* a.test:1'], (_target, request, requester) => scripted.service(request, requester));
  const headers = ['Grip-Link', '</next>; rel=next'];
  const failing = rig.send();
  (await scripted.next()).respond('begin', { headers });
  const done = t.mock.method(StreamSession.prototype, 'onLinkDone', () => {
    throw new Error('thrown by the test');
  });
  const freed = t.mock.method(ReplayPacer.prototype, 'done');
  (await scripted.next()).respond('');
  assert.equal((await failing.failed()).code, 'HF_INTERNAL');
  assert.deepEqual([rig.counters.faults, freed.mock.callCount()], [1, 1]);
  done.mock.restore();
  const other = rig.send();
  (await scripted.next()).respond('begin', { headers });
  (await scripted.next()).respond(' end');
  await other.completed();
  assert.equal(other.body, 'begin end');
});

test('An exception while a gone link is sent is not that of the client, which leaves', (t) => {
  const rig = new TargetsRig(t, ['* a.test:1'], (_target, _request, requester) => {
    const headers = ['Grip-Hold', 'stream', 'Grip-Channel', 'a', 'Grip-Link', '</gone>; rel=gone'];
    requester.onResponse({ status: 200, reason: '', headers, bodyLength: 0 });
    requester.onResponseData(Buffer.alloc(0), false);
    return NO_RESPONDER;
  });
  const client = rig.send();
  t.mock.method(LinkRoute.prototype, 'send', () => {
    throw new Error('thrown by the test');
  });
  client.responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  assert.deepEqual([rig.counters.faults, rig.counters.holdsOpen], [1, 0]);
});
