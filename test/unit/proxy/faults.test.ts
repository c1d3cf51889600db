import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Hub } from '../../../src/hub/index.ts';
import { GripResponse } from '../../../src/proxy/grip-response.ts';
import { UpstreamTrust } from '../../../src/proxy/index.ts';
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
