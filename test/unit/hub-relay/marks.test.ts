import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_HELD_BACK } from '../../../src/hub-relay/held-back.ts';
import { HubLink, LocalEnd, RelayedHub } from '../../../src/hub-relay/index.ts';
import { barePacket, KIND, valuePacket } from '../../../src/hub-relay/relay-packet.ts';
import { turn } from '../../support/manual-clock.ts';
import { eventually } from '../../support/running-app.ts';
import { HubRelayRig, relayedItem } from './support.ts';

test('a mark for one worker has that one alone hold back what comes after it, in order', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two] = [await rig.worker('1.'), await rig.worker('2.')];
  const [held, free] = [one.stream('a'), two.stream('a')];
  await rig.told();
  const marks: string[] = [];
  one.marks = { holdsBack: true, onMark: (mark) => marks.push(`${mark} ${held.body}`) };
  two.marks = { holdsBack: true, onMark: (mark) => marks.push(`two ${mark}`) };
  const hub = new RelayedHub(rig.relay);
  const reach = (mark: number): void => hub.barrier(() => rig.relay.mark(mark, '1.'));
  hub.deliver([relayedItem('a', 'before,')]);
  reach(1);
  hub.deliver([relayedItem('a', 'between,')]);
  reach(2);
  hub.deliver([relayedItem('a', 'after,')]);
  await eventually(() => free.body === 'before,between,after,' && marks.length === 1);
  assert.deepEqual([marks, held.body], [['1 before,'], 'before,']);
  one.resume();
  await eventually(() => marks.length === 2);
  assert.deepEqual([marks[1], held.body], ['2 before,between,', 'before,between,']);
  one.resume();
  await eventually(() => held.body === 'before,between,after,');
});

test('what another process has brought into order passes as it is, and last ids are known', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.worker('1.');
  const client = worker.stream('a');
  await rig.told();
  const hub = new RelayedHub(rig.relay);
  // One that is repeated, and one whose item before it never came.
  const item = relayedItem('a', '1', { id: '1' });
  hub.deliver([item, item, relayedItem('a', '5', { id: '5', prevId: '4' })]);
  await eventually(() => client.body === '115');
  assert.equal(rig.relay.router.lastIdOf('a'), '5');
  assert.equal(rig.main.counters.itemsPublished, 0);
});

test('an id that was seen here is known where the other process does not know it', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.worker('1.');
  const client = worker.stream('a');
  await rig.told();
  rig.publish(relayedItem('a', '1', { id: '1' }));
  await eventually(() => client.body === '1');
  new RelayedHub(rig.relay, true).deliver([relayedItem('a', '1', { id: '1' }), relayedItem('a', '2', { id: '2' })]);
  await eventually(() => client.body.endsWith('2'));
  assert.equal(client.body, '12');
});

test('the last id that another process knows of a channel reaches the workers that have it', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two] = [await rig.worker('1.'), await rig.worker('2.')];
  one.poll('a', '1');
  two.stream('b');
  await rig.told();
  new RelayedHub(rig.relay).learnLastId('a', '2');
  // It has missed an item.
  await eventually(() => one.replays === 1);
  assert.equal(rig.relay.router.lastIdOf('a'), '2');
});

test('a worker that has left gets no items, also if it got those of all channels', async (t) => {
  const rig = new HubRelayRig(t);
  rig.relay.takesAll = true;
  const { packets, send } = await rig.fake('1.');
  const items = (): number => packets.filter(([kind]) => kind === KIND.items).length;
  send(barePacket(KIND.told));
  await rig.relay.told('1.');
  rig.publish(relayedItem('a', 'x'));
  await eventually(() => items() === 1);
  send(barePacket(KIND.hello));
  send(valuePacket(KIND.channels, ['+b']));
  await eventually(() => rig.relay.router.hubsOf('b').length === 1);
  rig.publish(relayedItem('a', 'not for it'), relayedItem('b', 'x'));
  await eventually(() => items() === 2);
  assert.equal(
    packets.some((packet) => packet.includes('not for it')),
    false,
  );
});

test('while clients of any channel may come, workers get the items of all, until they have told of theirs', async (t) => {
  const rig = new HubRelayRig(t);
  rig.relay.takesAll = true;
  const worker = await rig.worker('1.');
  const client = worker.stream('a');
  const others: string[] = [];
  worker.rig.hub.tap('b', ({ id }) => others.push(id as string));
  await rig.told();
  rig.publish(relayedItem('b', 'x', { id: '1' }), relayedItem('a', 'x'));
  await eventually(() => client.body === 'x');
  assert.deepEqual(others, ['1']);
  rig.relay.takesAll = false;
  worker.tellTold();
  await rig.told();
  rig.publish(relayedItem('b', 'x', { id: '2' }), relayedItem('a', 'y'));
  await eventually(() => client.body === 'xy');
  assert.deepEqual(others, ['1']);
});

test('what is held back is bounded: items beyond it are dropped, and the clients recover what they have missed', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.worker('1.');
  const [stream] = [worker.stream('a'), worker.stream('c'), worker.poll('b', null)];
  await rig.told();
  worker.marks = { holdsBack: true, onMark: () => {} };
  rig.relay.mark(1);
  const content = 'x'.repeat(1_048_576);
  for (let i = 0; i <= MAX_HELD_BACK / content.length; i++) {
    rig.publish(relayedItem('c', content, { id: `${i}` }));
    await turn();
  }
  await eventually(() => rig.zmq.counters.messagesDropped > 0);
  rig.publish(relayedItem('a', 'y'));
  worker.resume();
  await eventually(() => stream.body === 'y' && worker.replays === 1);
  assert.equal(rig.zmq.log.of('too many items wait for clients that move: items dropped').length, 1);
});

test('a link whose hub is that of several processes tells them of marks between the items', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.worker('1.');
  const client = worker.stream('a');
  await rig.told();
  const [near, far] = LocalEnd.pair();
  const first = new HubRelayRig(t);
  first.relay.add('own', near);
  const link = new HubLink(rig.zmq.context, far, new RelayedHub(rig.relay), () => {});
  const marked: string[] = [];
  worker.marks = { holdsBack: false, onMark: () => marked.push(client.body) };
  link.marks = { holdsBack: false, onMark: (mark) => rig.relay.mark(mark, '1.') };
  t.after(() => link.close());
  await link.ready();
  await first.relay.told('own');
  first.publish(relayedItem('a', '1'));
  await turn();
  await turn();
  first.relay.mark(1);
  first.publish(relayedItem('a', '2'));
  await eventually(() => client.body === '12');
  assert.deepEqual(marked, ['1']);
});
