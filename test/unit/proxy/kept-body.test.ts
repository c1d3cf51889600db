import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptBodies, KeptBody, MAX_GRIP_REQUEST_BODY, MAX_KEPT_BODIES } from '../../../src/proxy/kept-body.ts';
import { ScriptedService } from '../../support/scripted-service.ts';
import { TargetsRig } from './support/targets-rig.ts';

test('A kept body is charged at least 256 bytes, and nothing once it is dropped', () => {
  const all = new KeptBodies();
  const body = new KeptBody(all);
  assert.equal(body.add(Buffer.from('a')), true);
  assert.equal(all.bytes, 256);
  assert.equal(body.add(Buffer.alloc(999, 'b')), true);
  assert.equal(all.bytes, 1_000);
  assert.equal(body.copy()?.length, 1_000);
  body.drop();
  body.drop();
  assert.equal(all.bytes, 0);
  assert.equal(new KeptBody(all).copy(), null);
});

test('A body that is too large, or does not fit beside the others, is not kept', () => {
  const all = new KeptBodies();
  const large = new KeptBody(all);
  assert.equal(large.add(Buffer.alloc(MAX_GRIP_REQUEST_BODY)), true);
  assert.equal(large.add(Buffer.alloc(1)), false);
  all.bytes = MAX_KEPT_BODIES - 255;
  assert.equal(new KeptBody(all).add(Buffer.alloc(1)), false);
  assert.equal(all.bytes, MAX_KEPT_BODIES - 255);
});

test('A request whose body did not fit is held, but not sent again', async (t) => {
  const scripted = new ScriptedService();
  const rig = new TargetsRig(t, ['* a.test:1'], (_target, request, requester) => scripted.service(request, requester));
  t.mock.method(KeptBody.prototype, 'add', () => false);
  const client = rig.send({ method: 'POST', bodyLength: 4 });
  const origin = await scripted.next();
  origin.grant(4);
  client.send('body', false);
  origin.respond('', { headers: ['Grip-Hold', 'response', 'Grip-Channel', 'a'] });
  assert.deepEqual([rig.counters.requestBodiesLost, rig.counters.holdsOpen], [1, 1]);
  assert.equal(rig.log.of('the request body is not kept: the held request cannot be sent again').length, 1);
});
