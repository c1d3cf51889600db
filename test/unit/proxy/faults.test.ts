import assert from 'node:assert/strict';
import { test } from 'node:test';
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
  (await scripted.next()).answer('hello');
  await other.completed();
  assert.equal(other.body, 'hello');
  assert.equal(rig.counters.faults, 1);
  assert.match(String(rig.log.of('internal error')[0]?.detail), /thrown by the test/);
});

test('A key that cannot verify at all ends only the exchange that it was to be trusted for', async (t) => {
  const rig = new TargetsRig(t, ['* a.test:1'], () => assert.fail('not to be sent'));
  const trust = new UpstreamTrust(Buffer.from('secret'));
  trust.trusts = () => Promise.reject(new Error('rejected by the test'));
  rig.settings.current = { ...rig.settings.current, trust };
  assert.equal((await rig.send({ headers: ['Grip-Sig', 'x'] }).failed()).code, 'HF_INTERNAL');
  assert.equal(rig.counters.faults, 1);
});
