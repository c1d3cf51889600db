import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { encodeRequestPacket, RequestPacket } from '../../../src/codec/zhttp/index.ts';
import { FULL, READY, SessionCounters, UNKNOWN } from '../../../src/zhttp/index.ts';
import { ZmqHandlerLink, type ZmqHandlerLinkOptions } from '../../../src/zhttp-client/index.ts';
import { ZmqError } from '../../../src/zmq/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { RecordingSink } from '../../support/zhttp/recording-sink.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt } from '../../support/zmq/zmtp-peer.ts';

/** A link, and handlers that the test plays with sockets of their own. The clock is the test's. */
class LinkRig {
  readonly advance: (seconds: number) => void;
  readonly zmq: ZmqRig;
  readonly counters = new SessionCounters();
  readonly sink = new RecordingSink();
  /** What the endpoints begin with. */
  readonly base: string;
  readonly link: ZmqHandlerLink;

  constructor(t: TestContext, changes: Partial<ZmqHandlerLinkOptions> = {}) {
    this.advance = manualClock(t);
    t.after(() => this.close());
    this.zmq = new ZmqRig(t);
    this.base = `ipc://${join(temporaryFolder(t), 'edge')}`;
    const { wheel, log, counters: zmqCounters } = this.zmq;
    const options: ZmqHandlerLinkOptions = {
      id: 'c1',
      endpoints: [endpointsOf(this.base)],
      connect: false,
      ipcFileMode: null,
      routerResp: false,
      hwm: 10,
      backendTimeout: 10_000,
      maxMessageBytes: 1_000_000,
      sessionTimeout: 60_000,
      wheel,
      zmqCounters,
      counters: this.counters,
      log,
      ...changes,
    };
    this.link = new ZmqHandlerLink(options, this.sink);
  }

  /** Closes the link, and lets the time pass that it waits for handlers that take nothing. */
  async close(): Promise<void> {
    let closed = false;
    void this.link.close().then(() => {
      closed = true;
    });
    while (!closed) {
      await turn();
      this.advance(1);
    }
  }

  /** Takes first packets. */
  puller(base = this.base) {
    const pull = this.zmq.pull();
    pull.socket.connect(`${base}-out`);
    return pull;
  }

  /** Takes further packets for the handler of that name; its messages begin with the empty frame. */
  dealer(name: string, base = this.base) {
    const dealer = this.zmq.dealer({ routingId: Buffer.from(name) });
    dealer.socket.connect(`${base}-out-stream`);
    return dealer;
  }

  /** Publishes answers, as soon as the link has subscribed. */
  async publisher(base = this.base) {
    const { socket, messages } = this.zmq.xpub();
    socket.connect(`${base}-in`);
    assert.equal(await messages.next(), '+c1 ');
    return socket;
  }

  /** Resolves when so many of the sockets that the test and the link have are connected; both ends count. */
  async connected(count: number): Promise<void> {
    while (this.zmq.counters.peersOpen < count) await turn();
  }
}

function endpointsOf(base: string) {
  return { out: `${base}-out`, outStream: `${base}-out-stream`, in: `${base}-in` };
}

async function openLink(t: TestContext, changes: Partial<ZmqHandlerLinkOptions> = {}): Promise<LinkRig> {
  const rig = new LinkRig(t, changes);
  await rig.link.open();
  return rig;
}

/** A later packet of these sessions. */
function packet(...ids: string[]): Buffer {
  return encodeRequestPacket(
    Object.assign(new RequestPacket(), { from: 'c1', ids: ids.map((id) => ({ id, seq: 1 })), type: 'keep-alive' }),
  );
}

/** A packet of so many bytes. */
function packetOf(bytes: number): Buffer {
  const packet = Object.assign(new RequestPacket(), { ids: [{ id: 'e-large', seq: 1 }], body: Buffer.alloc(bytes) });
  const excess = encodeRequestPacket(packet).length - bytes;
  packet.body = Buffer.alloc(bytes - excess);
  return encodeRequestPacket(packet);
}

// ---- first packets

test('requests go to the handlers in turn', async (t) => {
  const rig = await openLink(t);
  const one = rig.puller();
  const two = rig.puller();
  await rig.connected(4);
  for (const id of ['a', 'b', 'c', 'd']) rig.link.offer(id, Buffer.from(`T${id}`));
  const got = [await one.messages.take(2), await two.messages.take(2)].flat();
  assert.deepEqual(got.sort(), ['Ta', 'Tb', 'Tc', 'Td']);
  assert.equal(rig.counters.packetsSent, 4);
});

test('requests wait in order for a handler that connects late', async (t) => {
  const rig = await openLink(t);
  for (const id of ['a', 'b', 'c']) rig.link.offer(id, Buffer.from(`T${id}`));
  rig.advance(5);
  const { messages } = rig.puller();
  assert.deepEqual(await messages.take(3), ['Ta', 'Tb', 'Tc']);
  rig.advance(20);
  assert.deepEqual(rig.sink.refused.all, []);
});

test('a withdrawn request never reaches a handler, and a sent one cannot be withdrawn', async (t) => {
  const rig = await openLink(t);
  for (const id of ['a', 'b', 'c']) rig.link.offer(id, Buffer.from(`T${id}`));
  assert.equal(rig.link.withdraw('b'), true);
  assert.equal(rig.link.withdraw('b'), false);
  const { messages } = rig.puller();
  assert.deepEqual(await messages.take(2), ['Ta', 'Tc']);
  assert.equal(rig.link.withdraw('a'), false);
});

test('a request that no handler takes in time is refused, and never reaches one', async (t) => {
  const rig = await openLink(t);
  rig.link.offer('a', Buffer.from('Ta'));
  rig.advance(6);
  rig.link.offer('b', Buffer.from('Tb'));
  rig.advance(5);
  assert.deepEqual(rig.sink.refused.all, ['a']);
  rig.advance(6);
  assert.deepEqual(rig.sink.refused.all, ['a', 'b']);
  rig.link.offer('c', Buffer.from('Tc'));
  const { messages } = rig.puller();
  assert.equal(await messages.next(), 'Tc');
});

test('requests that one handler does not take go to another', async (t) => {
  const tcp = 'tcp://127.0.0.1:*';
  const rig = new LinkRig(t, { endpoints: [{ out: tcp, outStream: tcp, in: tcp }] });
  const [out = ''] = await rig.link.open();
  const stalled = await peerAt(t, out, { type: 'PULL' });
  stalled.socket.pause();
  await rig.zmq.connected(1);
  const large = Buffer.alloc(900_000);
  let offered = 0;
  while (rig.counters.packetsSent === offered) {
    rig.link.offer(`x${++offered}`, large);
    await turn();
  }
  rig.link.offer('y', Buffer.from('Ty'));
  const pull = rig.zmq.pull();
  pull.socket.connect(out);
  assert.equal((await pull.messages.next()).length, 900_000);
  assert.equal(await pull.messages.next(), 'Ty');
});

// ---- further packets

test('further packets go to the handler of that address, after an empty frame', async (t) => {
  const rig = await openLink(t);
  const one = rig.dealer('h1');
  const two = rig.dealer('\xe9');
  await rig.connected(4);
  rig.link.route('h1', Buffer.from('Ta'));
  rig.link.route(Buffer.from('\xe9').toString('latin1'), Buffer.from('Tb'));
  assert.equal(await one.messages.next(), '|Ta');
  assert.equal(await two.messages.next(), '|Tb');
  assert.equal(rig.counters.packetsSent, 2);
});

test('packets for a handler that connects later are kept in order', async (t) => {
  const rig = await openLink(t);
  for (let n = 1; n <= 30; n++) rig.link.route('h1', Buffer.from(`T${n}`));
  rig.link.route('h2', Buffer.from('Tother'));
  const { messages } = rig.dealer('h1');
  await rig.connected(2);
  rig.advance(0.1);
  for (let n = 1; n <= 30; n++) assert.equal(await messages.next(), `|T${n}`);
  rig.link.route('h1', Buffer.from('Tnext'));
  assert.equal(await messages.next(), '|Tnext');
  assert.deepEqual(rig.sink.lost.all, []);
});

test('packets for a handler that never connects are dropped after 5 seconds, and their sessions end', async (t) => {
  const rig = await openLink(t);
  rig.link.route('h1', packet('e-1'));
  rig.advance(2);
  rig.link.route('h1', packet('e-2', 'e-3'));
  rig.advance(2);
  assert.deepEqual(rig.sink.lost.all, []);
  rig.advance(1);
  assert.deepEqual(rig.sink.lost.all, ['e-1', 'e-2', 'e-3']);
  assert.equal(rig.counters.packetsUndelivered, 2);
  assert.deepEqual(rig.zmq.log.with('handler gone or stalled, packets dropped')[0]?.fields, {
    handler: 'h1',
    packets: 2,
  });
});

test('the link reports whether a handler takes packets, takes none for now, or is unknown', async (t) => {
  const tcp = 'tcp://127.0.0.1:*';
  const rig = new LinkRig(t, { endpoints: [{ out: tcp, outStream: tcp, in: tcp }], hwm: 2 });
  const [, outStream = ''] = await rig.link.open();
  assert.equal(rig.link.reach('h1'), UNKNOWN);
  const stalled = await peerAt(t, outStream, { type: 'DEALER', identity: 'h1' });
  stalled.socket.pause();
  await rig.zmq.connected(1);
  const large = Buffer.alloc(900_000);
  let routed = 0;
  while (rig.link.reach('h1') === READY) {
    rig.link.route('h1', large);
    routed++;
    await turn();
  }
  assert.equal(rig.link.reach('h1'), FULL);
  // Others are not concerned.
  const other = await peerAt(t, outStream, { type: 'DEALER', identity: 'h2' });
  await rig.zmq.connected(2);
  rig.link.route('h2', Buffer.from('Tx'));
  assert.equal(await other.events.next(), '|Tx');
  stalled.socket.resume();
  assert.equal(await rig.sink.ready.next(), 'h1');
  assert.equal(rig.link.reach('h1'), READY);
  await stalled.events.take(routed);
  assert.deepEqual(rig.sink.lost.all, []);
});

test('1 MB is kept for a handler that stalls, and the rest is lost at once', async (t) => {
  const tcp = 'tcp://127.0.0.1:*';
  const rig = new LinkRig(t, { endpoints: [{ out: tcp, outStream: tcp, in: tcp }], hwm: 2 });
  const [, outStream = ''] = await rig.link.open();
  const stalled = await peerAt(t, outStream, { type: 'DEALER', identity: 'h1' });
  stalled.socket.pause();
  await rig.zmq.connected(1);
  let routed = 0;
  while (rig.link.reach('h1') === READY) {
    rig.link.route('h1', Buffer.alloc(100_000));
    routed++;
    await turn();
  }
  // Each costs 256 bytes.
  const count = Math.floor((1_048_576 - 100_000) / 256);
  for (let n = 1; n <= count; n++) rig.link.route('h1', packet(`e-${n}`));
  assert.deepEqual(rig.sink.lost.all, []);
  rig.link.route('h1', packet('e-last'));
  assert.deepEqual(rig.sink.lost.all, ['e-last']);
  stalled.socket.resume();
  await stalled.events.take(routed);
  assert.match(await stalled.events.next(), /3:e-1,/);
});

test('addresses that are not connected have 64 KB each, and 4 MB in all', async (t) => {
  const rig = await openLink(t);
  rig.link.route('h0', packetOf(65_537));
  assert.equal(rig.counters.packetsUndelivered, 1);
  for (let n = 1; n <= 64; n++) rig.link.route(`h${n}`, packetOf(65_536));
  assert.equal(rig.counters.packetsUndelivered, 1);
  rig.link.route('h65', packet('e-65'));
  assert.deepEqual(rig.sink.lost.all, ['e-large', 'e-65']);
  // Those that are connected are not concerned.
  const { messages } = rig.dealer('here');
  await rig.connected(2);
  rig.link.route('here', Buffer.from('Tx'));
  assert.equal(await messages.next(), '|Tx');
  // After 5 seconds there is room again.
  rig.advance(5);
  rig.link.route('h65', packet('e-66'));
  assert.equal(rig.counters.packetsUndelivered, 66);
});

test('a handler that restarts under its old address is reached again', async (t) => {
  const rig = await openLink(t);
  const old = rig.dealer('h1');
  await rig.connected(2);
  rig.link.route('h1', Buffer.from('Ta'));
  assert.equal(await old.messages.next(), '|Ta');
  await old.socket.close();
  while (rig.zmq.counters.peersOpen > 0) await turn();
  rig.link.route('h1', Buffer.from('Tb'));
  const { messages } = rig.dealer('h1');
  await rig.connected(2);
  rig.advance(0.1);
  assert.equal(await messages.next(), '|Tb');
  rig.link.route('h1', Buffer.from('Tc'));
  assert.equal(await messages.next(), '|Tc');
});

// ---- answers

test('only published responses for this address arrive, without it', async (t) => {
  const rig = await openLink(t);
  const publisher = await rig.publisher();
  for (const text of ['c12 Tno', 'c1', 'c Tno', 'c1 Tyes', 'c1 with spaces', 'c1 ']) publisher.send(parts(text));
  publisher.send(parts('c1 Tmore', 'frames', ''));
  assert.deepEqual(await rig.sink.packets.take(4), ['Tyes', 'with spaces', '', 'Tmore']);
  assert.equal(rig.counters.packetsReceived, 4);
});

test('a handler may respond over the ROUTER socket if it was asked to', async (t) => {
  const rig = await openLink(t, { routerResp: true });
  const router = rig.zmq.router({ routingId: Buffer.from('h1'), mandatory: true });
  router.socket.connect(`${rig.base}-out-stream`);
  await rig.connected(2);
  router.socket.send(parts('c1', '', 'Ta'));
  router.socket.send(parts('c1', 'relay', '', 'Tb', 'extra'));
  assert.deepEqual(await rig.sink.packets.take(2), ['Ta', 'Tb']);
  rig.link.route('h1', Buffer.from('Tc'));
  assert.equal(await router.messages.next(), 'c1||Tc');
});

test('a response over the ROUTER socket with too few frames is refused, and the next one taken', async (t) => {
  const rig = await openLink(t);
  const dealer = rig.dealer('h1');
  await rig.connected(2);
  for (const frames of [[''], ['Ta'], ['a', 'b', '']]) dealer.socket.send(parts(...frames));
  dealer.socket.send(parts('', 'Tgood'));
  assert.equal(await rig.sink.packets.next(), 'Tgood');
  assert.deepEqual([rig.counters.packetsMalformed, rig.counters.packetsReceived], [3, 1]);
  assert.equal(rig.zmq.log.with('packet of a handler without a leading empty frame refused').length, 3);
});

test('only a handler that sends a message over the limit is cut off', async (t) => {
  const rig = await openLink(t, { maxMessageBytes: 1_000 });
  const large = await rig.publisher();
  const good = await rig.publisher();
  large.send([Buffer.concat([Buffer.from('c1 '), Buffer.alloc(998)])]);
  while (rig.zmq.counters.peersRefused === 0) await turn();
  good.send([Buffer.concat([Buffer.from('c1 '), Buffer.alloc(997, 'x')])]);
  assert.equal((await rig.sink.packets.next()).length, 997);
  assert.deepEqual(rig.sink.packets.all, []);
});

// ---- endpoints

test('handlers may use any of several bases', async (t) => {
  const folder = temporaryFolder(t);
  const bases = ['one', 'two'].map((name) => `ipc://${join(folder, name)}`);
  const rig = new LinkRig(t, { endpoints: bases.map(endpointsOf) });
  assert.deepEqual(
    await rig.link.open(),
    bases.flatMap((base) => [`${base}-out`, `${base}-out-stream`, `${base}-in`]),
  );
  const pullers = bases.map((base) => rig.puller(base));
  await rig.connected(4);
  rig.link.offer('a', Buffer.from('Ta'));
  rig.link.offer('b', Buffer.from('Tb'));
  const requests = await Promise.all(pullers.map(({ messages }) => messages.next()));
  assert.deepEqual(requests.sort(), ['Ta', 'Tb']);
  const dealers = bases.map((base, n) => rig.dealer(`h${n}`, base));
  await rig.connected(8);
  for (const [n, { messages }] of dealers.entries()) {
    rig.link.route(`h${n}`, Buffer.from(`T${n}`));
    assert.equal(await messages.next(), `|T${n}`);
  }
  for (const base of bases) (await rig.publisher(base)).send(parts('c1 Tx'));
  assert.deepEqual(await rig.sink.packets.take(2), ['Tx', 'Tx']);
});

test('with connect the handlers bind', async (t) => {
  const rig = new LinkRig(t, { connect: true });
  const pull = rig.zmq.pull();
  const router = rig.zmq.router({ routingId: Buffer.from('h1') });
  const { socket: pub, messages: subscriptions } = rig.zmq.xpub();
  await pull.socket.bind(`${rig.base}-out`);
  await router.socket.bind(`${rig.base}-out-stream`);
  await pub.bind(`${rig.base}-in`);
  assert.deepEqual(await rig.link.open(), Object.values(endpointsOf(rig.base)));
  assert.equal(await subscriptions.next(), '+c1 ');
  await rig.connected(6);
  rig.link.offer('a', Buffer.from('Ta'));
  assert.equal(await pull.messages.next(), 'Ta');
  rig.link.route('h1', Buffer.from('Tb'));
  assert.match(await router.messages.next(), /\|\|Tb$/s);
  pub.send(parts('c1 Tc'));
  assert.equal(await rig.sink.packets.next(), 'Tc');
});

test('socket files get the configured permissions', async (t) => {
  const rig = await openLink(t, { ipcFileMode: 0o620 });
  for (const endpoint of Object.values(endpointsOf(rig.base))) {
    assert.equal(statSync(endpoint.slice('ipc://'.length)).mode & 0o777, 0o620);
  }
});

test('an endpoint that cannot be bound is an error', async (t) => {
  const rig = new LinkRig(t, { endpoints: [endpointsOf('ipc:///nowhere/at/all')] });
  await assert.rejects(rig.link.open(), ZmqError);
});

// ---- the end

test('closing sends packets with a handler, and counts those without', async (t) => {
  const rig = await openLink(t);
  const { messages } = rig.dealer('h1');
  await rig.connected(2);
  rig.link.route('gone', packet('e-1'));
  rig.link.route('h1', packet('e-2'));
  await rig.close();
  assert.match(await messages.next(), /e-2/);
  assert.equal(rig.counters.packetsUndelivered, 1);
});

test('an exception while the link checks waiting packets is counted and logged, and the link continues', async (t) => {
  const rig = await openLink(t, { backendTimeout: 1_000 });
  rig.sink.onRefused = () => {
    throw new Error('boom');
  };
  rig.link.offer('a', Buffer.from('Ta'));
  rig.advance(2);
  assert.equal(rig.counters.faults, 1);
  assert.match(String(rig.zmq.log.of('internal error')[0]?.detail), /boom/);
  rig.link.offer('b', Buffer.from('Tb'));
  rig.advance(2);
  assert.equal(rig.counters.faults, 2);
});
