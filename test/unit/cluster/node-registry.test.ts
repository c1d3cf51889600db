import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_HEARTBEAT } from '../../../src/cluster/heartbeat.ts';
import { MAX_NODES } from '../../../src/cluster/node-registry.ts';
import { busNode, FACTS } from '../../support/cluster/bus-node.ts';
import { NodeBus } from '../../support/cluster/node-bus.ts';
import { manualClock } from '../../support/manual-clock.ts';

/** A heartbeat of a node that is not ours. */
function heartbeat(id: string, parts: object = {}): Buffer {
  const facts = { ...FACTS };
  const own = { protocol: 1, oldest: 1, id, name: id, version: '1.0.0', started: 5, facts, leaves: false };
  return Buffer.from(JSON.stringify({ ...own, ...parts }));
}

test('nodes know each other within a second, and say what they do', (t) => {
  const pass = manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  const b = busNode(bus, 'b');
  pass(1);
  assert.deepEqual([a.seen, b.seen], [['+b'], ['+a']]);
  b.facts = { ...FACTS, connections: 7, state: 'draining' };
  pass(2);
  const [own, other] = a.registry.nodes;
  assert.deepEqual([own?.id, own?.silent, own?.version, own?.protocol], ['a', null, '1.2.3', 1]);
  assert.deepEqual([other?.id, other?.facts], ['b', b.facts]);
  assert.ok((other?.silent ?? 0) < 1_300, 'a heartbeat each second');
  assert.equal(a.registry.size, 2);
});

test('a change is sent at once', (t) => {
  manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  const b = busNode(bus, 'b');
  b.facts = { ...FACTS, state: 'draining' };
  b.registry.sendHeartbeat();
  assert.equal(a.registry.nodes[1]?.facts?.state, 'draining');
});

test('a node that stops is gone at once, and one that is silent after 5 s', (t) => {
  const pass = manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  const b = busNode(bus, 'b');
  const c = busNode(bus, 'c');
  pass(1);
  b.registry.stop();
  assert.deepEqual(a.seen, ['+b', '+c', '-b']);
  c.broker.up = false;
  pass(4);
  assert.deepEqual(a.seen, ['+b', '+c', '-b']);
  pass(3);
  assert.deepEqual(a.seen, ['+b', '+c', '-b', '-c']);
  assert.equal(a.log.with('node is gone: nothing was heard of it').length, 1);
  assert.equal(a.registry.size, 1);
});

test('nobody is gone while the broker is away, and silence counts from when it is back', (t) => {
  const pass = manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  const b = busNode(bus, 'b');
  pass(1);
  a.broker.isThere = false;
  pass(30);
  a.broker.isThere = true;
  b.broker.up = false;
  pass(4);
  assert.deepEqual(a.seen, ['+b']);
  pass(3);
  assert.deepEqual(a.seen, ['+b', '-b']);
});

test('a node that was stopped for a while does not take the others for silent', (t) => {
  let now = 0;
  const pass = manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  busNode(bus, 'b');
  pass(1);
  const { now: clock } = performance;
  t.mock.method(performance, 'now', () => clock.call(performance) + now);
  // What the other has sent meanwhile is read only after the timers that are due.
  now = 20_000;
  a.broker.reads = false;
  pass(1);
  a.broker.reads = true;
  pass(2);
  assert.deepEqual(a.seen, ['+b']);
});

test('two nodes may have the same name', (t) => {
  const pass = manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a', 'web');
  busNode(bus, 'b', 'web');
  pass(1);
  assert.deepEqual(
    a.registry.nodes.map(({ id, name }) => [id, name]),
    [
      ['a', 'web'],
      ['b', 'web'],
    ],
  );
});

test('other rules for channels are warned of once', (t) => {
  const pass = manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  const b = busNode(bus, 'b');
  b.facts = { ...FACTS, rules: 'others' };
  pass(5);
  const warning = 'node has other rules for channels: they must be the same on all nodes';
  assert.equal(a.log.with(warning).length, 1);
  b.facts = { ...FACTS, rules: 'still others' };
  pass(5);
  assert.equal(a.log.with(warning).length, 2);
});

const INVALID: readonly (readonly [what: string, message: Buffer])[] = [
  ['no JSON', Buffer.from('heartbeat')],
  ['no bytes', Buffer.alloc(0)],
  ['a list', Buffer.from('[]')],
  ['null', Buffer.from('null')],
  ['an id that is no token', heartbeat('a.b')],
  ['no id', heartbeat('x', { id: undefined })],
  ['a name that is too long', heartbeat('x', { name: 'n'.repeat(257) })],
  ['no protocol', heartbeat('x', { protocol: '1' })],
  ['no facts', heartbeat('x', { facts: null })],
  ['a state that there is not', heartbeat('x', { facts: { ...FACTS, state: 'asleep' } })],
  ['a negative count', heartbeat('x', { facts: { ...FACTS, connections: -1 } })],
  ['too many bytes', heartbeat('x', { more: ' '.repeat(MAX_HEARTBEAT) })],
  ['the id of the node itself', heartbeat('a')],
];

for (const [what, message] of INVALID) {
  test(`a heartbeat with ${what} is counted and ignored`, (t) => {
    manualClock(t);
    const bus = new NodeBus();
    const a = busNode(bus, 'a');
    bus.pass(null, 't.n.heartbeat', message);
    assert.equal(a.counters.messagesInvalid, 1);
    assert.deepEqual(a.seen, []);
    assert.equal(a.log.with('invalid heartbeat of a node').length, 1);
  });
}

test('a heartbeat may say more than is known here', (t) => {
  manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  bus.pass(null, 't.n.heartbeat', heartbeat('x', { protocol: 7, more: { than: ['this'] } }));
  assert.deepEqual(a.seen, ['+x']);
  assert.equal(a.registry.nodes[1]?.protocol, 7);
  assert.equal(a.counters.messagesInvalid, 0);
});

test('a node of a protocol that is not understood is listed as such', (t) => {
  manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  bus.pass(null, 't.n.heartbeat', heartbeat('x', { protocol: 9, oldest: 9, facts: 'whatever' }));
  const [, other] = a.registry.nodes;
  assert.deepEqual([other?.id, other?.protocol, other?.facts], ['x', 9, null]);
  assert.equal(a.counters.messagesInvalid, 1);
  assert.equal(a.log.with('protocol of a node is not understood').length, 1);
});

test('further nodes beyond the bound are not known', (t) => {
  manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  for (let i = 0; i <= MAX_NODES; i++) bus.pass(null, 't.n.heartbeat', heartbeat(`n${i}`));
  assert.equal(a.registry.size, 1 + MAX_NODES);
  assert.equal(a.counters.messagesInvalid, 1);
  // Whoever makes up nodes does not fill the log.
  assert.equal(a.log.at('info').length, 10);
});

test('a watcher that throws keeps nobody from hearing', (t) => {
  manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  a.registry.watch({
    nodeCame: () => {
      throw new Error('a defect');
    },
    nodeGone: () => {},
  });
  const heard: string[] = [];
  a.registry.watch({ nodeCame: (id) => heard.push(id), nodeGone: () => {} });
  bus.pass(null, 't.n.heartbeat', heartbeat('x'));
  assert.deepEqual(heard, ['x']);
  assert.equal(a.counters.faults, 1);
});

test('heartbeats go on after a fault', (t) => {
  const pass = manualClock(t);
  const bus = new NodeBus();
  const a = busNode(bus, 'a');
  const b = busNode(bus, 'b');
  pass(1);
  Object.defineProperty(b, 'facts', {
    configurable: true,
    get: () => {
      throw new Error('a defect');
    },
  });
  pass(2);
  assert.ok(b.counters.faults > 0);
  Object.defineProperty(b, 'facts', { value: FACTS });
  pass(10);
  assert.deepEqual(a.seen, ['+b']);
});
