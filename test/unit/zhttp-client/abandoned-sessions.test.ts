import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { turn } from '../../support/manual-clock.ts';
import { type EdgeRig, edgeRig } from '../../support/zhttp/edge-rig.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Makes a request whose client leaves. */
function abandon(rig: EdgeRig): { readonly id: string; readonly client: WeakRef<object> } {
  const { client, id } = rig.request({ headers: ['Cookie', 'x'.repeat(100)] });
  client.leave();
  return { id, client: new WeakRef(client) };
}

test('neither the requester nor the request of a client that left is kept', async (t) => {
  const rig = edgeRig(t);
  const left = Array.from({ length: 10 }, () => abandon(rig));
  await turn();
  collectGarbage();
  assert.equal(left.filter(({ client }) => client.deref() !== undefined).length, 0);
  for (const { id } of left) rig.link.respond(id, { code: 200 });
  assert.deepEqual(
    rig.link.take(),
    left.map(({ id }) => `h1 ${id}#1 cancel`),
  );
  assert.equal(rig.counters.packetsUnclaimed, 0);
});

test('at most 4 MB of sessions are kept; the handler of an older one gets a cancel without a number', (t) => {
  const rig = edgeRig(t);
  const all = Array.from({ length: 16_385 }, () => abandon(rig).id);
  assert.equal(rig.counters.sessionsForgotten, 1);
  assert.equal(rig.counters.sessionsOpen, 0);
  for (const id of all.slice(0, 2)) rig.link.respond(id, { code: 200 });
  assert.deepEqual(rig.link.take(), [`h1 ${all[0]}#null cancel`, `h1 ${all[1]}#1 cancel`]);
});

test('a session is dropped after the session timeout, or when no handler gets its request', (t) => {
  const rig = edgeRig(t);
  const ids = [abandon(rig).id, abandon(rig).id] as const;
  rig.link.refuse(ids[0]);
  rig.link.confirmWithdrawal(ids[1]);
  rig.advance(30);
  const late = abandon(rig).id;
  rig.advance(31);
  const later = abandon(rig).id;
  rig.advance(30);
  for (const id of [...ids, late, later]) rig.link.respond(id, { type: 'keep-alive' });
  assert.deepEqual(rig.link.take(), [...[...ids, late].map((id) => `h1 ${id}#null cancel`), `h1 ${later}#1 cancel`]);
});
