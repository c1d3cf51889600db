import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TurnQueue } from '../../../src/clock/index.ts';
import { encodeRequestPacket, parseResponsePacket, RequestPacket } from '../../../src/codec/zhttp/index.ts';
import { FULL, READY, SessionCounters, UNKNOWN } from '../../../src/zhttp/index.ts';
import { LinkRelay, RelayedLink } from '../../../src/zhttp-client/index.ts';
import { MAX_REACHES, RelayedProcess, type ToldReach } from '../../../src/zhttp-client/relayed-process.ts';
import { DealerSocket } from '../../../src/zmq/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { socketPair } from '../../support/socket-pair.ts';
import { FakeHandlerLink, type responsePacket } from '../../support/zhttp/fake-handler-link.ts';
import { RecordingSink } from '../../support/zhttp/recording-sink.ts';
import { ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { ZmtpPeer } from '../../support/zmq/zmtp-peer.ts';

/** One process that serves connections. */
interface Process {
  readonly link: RelayedLink;
  readonly sink: RecordingSink;
  close(): Promise<void>;
}

/** A relay between processes and handlers that the test plays. */
class RelayRig {
  readonly zmq: ZmqRig;
  readonly counters = new SessionCounters();
  readonly relay: LinkRelay;
  readonly link: FakeHandlerLink;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    t.after(() => this.relay.close());
    this.zmq = new ZmqRig(t);
    let link: FakeHandlerLink | undefined;
    const { context, log } = this.zmq;
    this.relay = new LinkRelay({ address: 'c1', context, counters: this.counters, log }, (sink) => {
      link = new FakeHandlerLink(sink);
      return link;
    });
    this.link = link as FakeHandlerLink;
  }

  /** Starts a process, whose sessions have ids that begin with its name. */
  async process(name: string, processes = 2): Promise<Process> {
    const sink = new RecordingSink();
    const [near, far] = await socketPair(this.#t);
    this.relay.add(name, near);
    const link = new RelayedLink(this.zmq.context, far, sink, processes, this.counters);
    this.#t.after(() => link.close());
    const close = async () => {
      await link.close();
      this.relay.remove(name);
    };
    await link.ready();
    return { link, sink, close };
  }

  /** Lets a process begin a session. */
  async begin({ link }: Process, id: string): Promise<void> {
    const count = this.link.offered.length;
    link.offer(id, request(id));
    while (this.link.offered.length === count) await turn();
  }

  /** Lets a handler send a packet for these sessions. */
  respond(ids: readonly string[], fields: Parameters<typeof responsePacket>[1] = {}): void {
    this.link.respondAll(
      ids.map((id) => [id, 1]),
      { type: 'keep-alive', ...fields },
    );
  }
}

function request(id: string): Buffer {
  const packet = Object.assign(new RequestPacket(), {
    from: 'c1',
    ids: [{ id, seq: 0 }],
    method: 'GET',
    uri: 'http://a/',
  });
  return encodeRequestPacket(packet);
}

/** The ids that a packet names. */
function idsOf(packet: string): string[] {
  return parseResponsePacket(Buffer.from(packet, 'latin1')).ids.map(({ id }) => id);
}

test('requests of a process are relayed in order', async (t) => {
  const rig = new RelayRig(t);
  const one = await rig.process('p1');
  const two = await rig.process('p2');
  one.link.offer('p1-1', request('p1-1'));
  one.link.route('h1', request('p1-1'));
  assert.equal(one.link.withdraw('p1-2'), false);
  two.link.offer('p2-1', request('p2-1'));
  while (rig.link.offered.length < 2 || rig.link.withdrawn.length < 1) await turn();
  assert.deepEqual(rig.link.offered.map(({ ids }) => ids[0]?.id).sort(), ['p1-1', 'p2-1']);
  assert.deepEqual(rig.link.take(), ['h1 p1-1#0 data']);
  assert.deepEqual(rig.link.withdrawn, ['p1-2']);
});

test('a process is informed when a first packet was withdrawn before a handler had it', async (t) => {
  const rig = new RelayRig(t);
  const { link, sink } = await rig.process('p1');
  link.withdraw('p1-1');
  while (rig.link.withdrawn.length === 0) await turn();
  rig.link.withdrawable = true;
  link.withdraw('p1-2');
  assert.equal(await sink.withdrawn.next(), 'p1-2');
});

test('each process gets the packets of its own sessions', async (t) => {
  const rig = new RelayRig(t);
  const one = await rig.process('p1');
  const two = await rig.process('p2');
  rig.respond(['p1-1']);
  rig.respond(['p2-1']);
  rig.respond(['p1-2']);
  assert.deepEqual((await one.sink.packets.take(2)).map(idsOf), [['p1-1'], ['p1-2']]);
  assert.deepEqual(idsOf(await two.sink.packets.next()), ['p2-1']);
  assert.deepEqual([...one.sink.packets.all, ...two.sink.packets.all], []);
});

test('a packet for sessions of several processes goes to each of them once', async (t) => {
  const rig = new RelayRig(t);
  const processes = [await rig.process('p1'), await rig.process('p2')];
  const ids = ['p1-1', 'p2-1', 'p1-2'];
  rig.respond(ids);
  for (const { sink } of processes) assert.deepEqual(idsOf(await sink.packets.next()), ids);
  rig.respond(['p1-9']);
  assert.deepEqual(idsOf(await (processes[0] as Process).sink.packets.next()), ['p1-9']);
  assert.deepEqual((processes[1] as Process).sink.packets.all, []);
});

test('refused and lost packets are reported to the process that has the session', async (t) => {
  const rig = new RelayRig(t);
  const one = await rig.process('p1');
  const two = await rig.process('p2');
  rig.link.refuse('p1-1');
  rig.link.lose('p2-2');
  assert.equal(await one.sink.refused.next(), 'p1-1');
  assert.equal(await two.sink.lost.next(), 'p2-2');
  assert.deepEqual([...one.sink.lost.all, ...two.sink.refused.all], []);
});

test('handlers of sessions whose process is gone get a cancel, others get their packets', async (t) => {
  const rig = new RelayRig(t);
  const one = await rig.process('p1');
  const two = await rig.process('p2');
  await rig.begin(one, 'p1-1');
  await rig.begin(two, 'p2-1');
  await one.close();
  rig.respond(['p1-1']);
  assert.deepEqual(rig.link.take(), ['h1 p1-1#null cancel']);
  rig.respond(['p1-1', 'p2-1', 'p1-2'], { from: 'h2' });
  assert.deepEqual(rig.link.take(), ['h2 p1-1#null cancel', 'h2 p1-2#null cancel']);
  assert.equal(idsOf(await two.sink.packets.next()).length, 3);
  assert.equal(rig.counters.packetsUnclaimed, 3);
  // What ends sessions, or has no sender, needs no answer.
  for (const fields of [{ type: 'cancel' }, { type: 'error' }, { from: '' }] as const) rig.respond(['p1-1'], fields);
  assert.deepEqual(rig.link.take(), []);
});

test('a process that returns under its name gets packets again', async (t) => {
  const rig = new RelayRig(t);
  await (await rig.process('p1')).close();
  const { sink } = await rig.process('p1');
  rig.respond(['p1-1']);
  assert.deepEqual(idsOf(await sink.packets.next()), ['p1-1']);
});

test('handlers get no cancel for sessions that no process ever had', async (t) => {
  const rig = new RelayRig(t);
  await rig.process('p1');
  for (const id of ['x-1', '', 'p1', '-1']) rig.respond([id]);
  rig.link.respondRaw('T0:}');
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.packetsUnclaimed, 5);
});

test('a packet that cannot be read goes to the processes whose sessions it names, and is counted if it names none', async (t) => {
  const rig = new RelayRig(t);
  const { sink } = await rig.process('p1');
  for (const payload of ['', 'garbage', 'T5:abc']) rig.link.respondRaw(payload);
  const named = 'J{"id":"p1-1","type":"dance"}';
  rig.link.respondRaw(named);
  assert.equal(await sink.packets.next(), named);
  assert.equal(rig.counters.packetsMalformed, 3);
  assert.equal(rig.zmq.log.with('packet of a handler refused').length, 3);
});

test('packets of any size and number of fields pass, as the processes check them', async (t) => {
  const rig = new RelayRig(t);
  const { sink } = await rig.process('p1');
  const body = 'x'.repeat(17_000_000);
  rig.respond(['p1-1'], { type: 'data', body });
  assert.ok((await sink.packets.next()).length > body.length);
  rig.respond(['p1-2'], { type: 'data', headers: Array(1_000).fill('x') });
  assert.match(await sink.packets.next(), /p1-2/);
  assert.equal(rig.zmq.counters.peersRefused, 0);
});

test('processes learn which handlers take nothing, and when they take packets again', async (t) => {
  const rig = new RelayRig(t);
  const one = await rig.process('p1');
  const two = await rig.process('p2');
  assert.equal(one.link.reach('h1'), READY);
  rig.link.reaches.set('h1', FULL);
  one.link.route('h1', request('p1-1'));
  while (two.link.reach('h1') !== FULL || one.link.reach('h1') !== FULL) await turn();
  assert.equal(one.link.reach('h2'), READY);
  // One that comes later is told as well.
  const three = await rig.process('p3');
  while (three.link.reach('h1') !== FULL) await turn();
  rig.link.ready('h1');
  for (const { sink, link } of [one, two, three]) {
    assert.equal(await sink.ready.next(), 'h1');
    assert.equal(link.reach('h1'), READY);
  }
});

test('an unknown address is forgotten after a while, and a handler that connects is noticed', async (t) => {
  const advance = manualClock(t);
  const rig = new RelayRig(t);
  const { link, sink } = await rig.process('p1');
  rig.link.reaches.set('made-up', UNKNOWN);
  rig.link.reaches.set('late', UNKNOWN);
  link.route('made-up', request('p1-1'));
  link.route('late', request('p1-1'));
  while (link.reach('made-up') !== UNKNOWN || link.reach('late') !== UNKNOWN) await turn();
  rig.link.reaches.delete('late');
  advance(0.2);
  assert.equal(await sink.ready.next(), 'late');
  assert.equal(link.reach('made-up'), UNKNOWN);
  advance(10.2);
  assert.equal(await sink.ready.next(), 'made-up');
});

test('processes are informed of so many handlers that take nothing, and no more', async (t) => {
  const advance = manualClock(t);
  const rig = new RelayRig(t);
  const { link, sink } = await rig.process('p1');
  for (let n = 0; n <= MAX_REACHES; n++) {
    rig.link.reaches.set(`h${n}`, FULL);
    link.route(`h${n}`, request('p1-1'));
    while (rig.link.routed.length + 100 < n) await turn();
  }
  while (rig.link.routed.length <= MAX_REACHES) await turn();
  // Nor is there a list of them from which one could follow.
  for (const address of ['h0', 'h1']) {
    rig.link.ready(address);
    assert.equal(await sink.ready.next(), address);
    assert.equal(link.reach(`h${MAX_REACHES - 1}`), FULL);
    assert.equal(link.reach(`h${MAX_REACHES}`), READY);
    advance(0.2);
  }
});

test('a process that has missed which handlers are ready is informed of others after it', async (t) => {
  const { context } = new ZmqRig(t);
  const sink = new RecordingSink();
  const [near, far] = await socketPair(t);
  const told = new Map<string, ToldReach>();
  const onFault = (thrown: unknown) => assert.fail(String(thrown));
  const process = new RelayedProcess(context, near, new TurnQueue(), { told, onMessage: () => {}, onFault });
  const link = new RelayedLink(context, far, sink, 1, new SessionCounters());
  t.after(() => Promise.all([process.close(), link.close()]));
  await link.ready();
  for (let n = 0; n < MAX_REACHES; n++) {
    process.tell(`h${n}`, FULL);
    while (n % 100 === 99 && link.reach(`h${n}`) !== FULL) await turn();
  }
  process.tell('other', FULL);
  told.set('other', { reach: FULL, since: 0 });
  process.tell('h0', READY);
  assert.equal(await sink.ready.next(), 'h0');
  assert.equal(link.reach('other'), READY);
  process.catchUp();
  while (link.reach('other') !== FULL) await turn();
});

test('a process sends at most its window ahead of the relay, and says when it continues', async (t) => {
  const rig = new RelayRig(t);
  const { link, sink } = await rig.process('p1', 4);
  const packet = Buffer.concat([request('p1-1')]);
  let sent = 0;
  while (link.reach('h1') === READY) {
    link.route('h1', packet);
    sent++;
  }
  // 131,072 bytes, of which each packet takes 256 at least.
  assert.equal(sent, 512);
  assert.equal(link.reach('h2'), FULL);
  assert.deepEqual((await sink.ready.take(2)).sort(), ['h1', 'h2']);
  assert.equal(link.reach('h1'), READY);
  while (rig.link.routed.length < sent) await turn();
});

test('a packet with the id of a session in another field goes where its own id says', async (t) => {
  const rig = new RelayRig(t);
  const one = await rig.process('p1');
  const two = await rig.process('p2');
  rig.respond(['p1-1'], { type: 'data', body: '2:id,4:p2-1,', reason: '2:id,4:p2-1,' });
  assert.deepEqual(idsOf(await one.sink.packets.next()), ['p1-1']);
  assert.deepEqual(two.sink.packets.all, []);
});

test('packets for a process that reads nothing are dropped beyond the bound, counted and logged', async (t) => {
  const rig = new RelayRig(t);
  const [near, far] = await socketPair(t);
  rig.relay.add('p1', near);
  const peer = new ZmtpPeer(t, far, { type: 'DEALER' });
  await peer.ready;
  while (rig.zmq.counters.peersOpen === 0) await turn();
  far.pause();
  const body = 'x'.repeat(1_000_000);
  for (let i = 0; i < 100 && rig.counters.packetsUndelivered === 0; i++) {
    rig.respond(['p1-1'], { type: 'data', body });
    await turn();
  }
  assert.equal(rig.counters.packetsUndelivered, 1);
  assert.equal(rig.zmq.log.with('worker reads too slowly, packets dropped').length, 1);
  assert.ok(rig.zmq.counters.bytesHeld <= 69_000_000, `${rig.zmq.counters.bytesHeld}`);
});

test('a first packet that the relay cannot take is refused', async (t) => {
  const rig = new ZmqRig(t);
  const sink = new RecordingSink();
  const [near] = await socketPair(t);
  const link = new RelayedLink(rig.context, near, sink, 1, new SessionCounters());
  t.after(() => link.close());
  link.offer('p1-1', request('p1-1'));
  assert.equal(await sink.refused.next(), 'p1-1');
});

test('a packet that the relay cannot take is lost, and does not use up the window', async (t) => {
  const rig = new ZmqRig(t);
  const sink = new RecordingSink();
  const counters = new SessionCounters();
  const [near] = await socketPair(t);
  const link = new RelayedLink(rig.context, near, sink, 32, counters);
  t.after(() => link.close());
  for (let i = 0; i < 100; i++) link.route('h1', request(`p1-${i}`));
  assert.equal(sink.lost.all.length, 100);
  assert.equal(counters.packetsUndelivered, 100);
  assert.equal(link.reach('h1'), READY);
});

for (const [what, kind] of [
  ['a handler takes', 'a'],
  ['the relay has routed', 'd'],
] as const) {
  test(`what ${what} is repeated when the process could not be informed`, async (t) => {
    const advance = manualClock(t);
    const rig = new RelayRig(t);
    const { link } = await rig.process('p1', 32);
    rig.link.reaches.set('h1', FULL);
    link.route('h1', request('p1-0'));
    while (link.reach('h1') !== FULL) await turn();
    const { send } = DealerSocket.prototype;
    let refused = 0;
    const mock = t.mock.method(DealerSocket.prototype, 'send', function (this: DealerSocket, parts: readonly string[]) {
      if (!parts[0]?.startsWith?.(kind)) return send.call(this, parts);
      refused++;
      return false;
    });
    rig.link.ready('h1');
    while (link.reach('h2') === READY) link.route('h2', request('p1-1'));
    while (refused === 0) await turn();
    mock.mock.restore();
    advance(0.2);
    while (link.reach('h1') !== READY || link.reach('h2') !== READY) await turn();
  });
}

test('an exception for one message of a process ends that message alone', async (t) => {
  const rig = new RelayRig(t);
  const one = await rig.process('p1');
  const offer = t.mock.method(rig.link, 'offer', () => {
    throw new Error('a defect in the link');
  });
  one.link.offer('p1-1', request('p1-1'));
  while (rig.zmq.counters.faults === 0) await turn();
  offer.mock.restore();
  await rig.begin(one, 'p1-2');
  assert.equal(rig.link.offered[0]?.ids[0]?.id, 'p1-2');
});

test('an exception in the check of the handlers does not end it', async (t) => {
  const advance = manualClock(t);
  const rig = new RelayRig(t);
  const { link, sink } = await rig.process('p1');
  rig.link.reaches.set('h1', FULL);
  link.route('h1', request('p1-1'));
  while (link.reach('h1') !== FULL) await turn();
  const reach = t.mock.method(rig.link, 'reach', () => {
    throw new Error('a defect in the link');
  });
  advance(0.1);
  assert.ok(rig.counters.faults > 0);
  reach.mock.restore();
  rig.link.reaches.delete('h1');
  advance(0.1);
  assert.equal(await sink.ready.next(), 'h1');
});
