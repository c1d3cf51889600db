import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SessionCounters } from '../../../src/zhttp/index.ts';
import { ZmqReqLink, type ZmqReqLinkOptions } from '../../../src/zhttp-client/index.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { RecordingSink } from '../../support/zhttp/recording-sink.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';

/** A link of req mode, and what its handlers connect to. */
class ReqLinkRig {
  readonly advance: (seconds: number) => void;
  readonly zmq: ZmqRig;
  readonly counters = new SessionCounters();
  readonly sink = new RecordingSink();
  readonly endpoint: string;
  readonly link: ZmqReqLink;

  constructor(t: TestContext, changes: Partial<ZmqReqLinkOptions> = {}) {
    this.advance = manualClock(t);
    t.after(() => this.link.close());
    this.zmq = new ZmqRig(t);
    this.endpoint = `ipc://${join(temporaryFolder(t), 'req')}`;
    const { wheel, log, counters: zmqCounters } = this.zmq;
    const options: ZmqReqLinkOptions = {
      endpoints: [this.endpoint],
      connect: false,
      ipcFileMode: null,
      backendTimeout: 10_000,
      maxMessageBytes: 1_000,
      wheel,
      zmqCounters,
      counters: this.counters,
      log,
      ...changes,
    };
    this.link = new ZmqReqLink(options, this.sink);
  }

  rep() {
    const rep = this.zmq.rep();
    rep.socket.connect(this.endpoint);
    return rep;
  }

  router() {
    const router = this.zmq.router({ mandatory: true });
    router.socket.connect(this.endpoint);
    return router;
  }
}

async function openLink(t: TestContext, changes: Partial<ZmqReqLinkOptions> = {}): Promise<ReqLinkRig> {
  const rig = new ReqLinkRig(t, changes);
  await rig.link.open();
  return rig;
}

test('a REP socket gets a request, and its response comes back', async (t) => {
  const rig = await openLink(t);
  const { socket, messages } = rig.rep();
  rig.link.offer('a', Buffer.from('Ta'));
  assert.equal(await messages.next(), 'Ta');
  socket.send(parts('Tanswer'));
  assert.equal(await rig.sink.packets.next(), 'Tanswer');
  assert.deepEqual([rig.counters.packetsSent, rig.counters.packetsReceived], [1, 1]);
});

test('a ROUTER socket gets many requests at a time, and responds in any order', async (t) => {
  const rig = await openLink(t);
  const { socket, messages } = rig.router();
  for (const id of ['a', 'b', 'c']) rig.link.offer(id, Buffer.from(`T${id}`));
  const requests = (await messages.take(3)).map((message) => message.split('|'));
  assert.deepEqual(
    requests.map(([, empty, packet]) => [empty, packet]),
    [
      ['', 'Ta'],
      ['', 'Tb'],
      ['', 'Tc'],
    ],
  );
  for (const [peer = '', , packet] of requests.reverse()) socket.send(parts(peer, '', `${packet}!`));
  assert.deepEqual(await rig.sink.packets.take(3), ['Tc!', 'Tb!', 'Ta!']);
});

test('requests go to handlers in turn', async (t) => {
  const rig = await openLink(t);
  const handlers = [rig.router(), rig.router()];
  await rig.zmq.connected(4);
  for (const id of ['a', 'b', 'c', 'd']) rig.link.offer(id, Buffer.from(`T${id}`));
  for (const { messages } of handlers) assert.equal((await messages.take(2)).length, 2);
});

test('requests that are not withdrawn wait for a handler that connects late', async (t) => {
  const rig = await openLink(t);
  for (const id of ['a', 'b', 'c']) rig.link.offer(id, Buffer.from(`T${id}`));
  assert.equal(rig.link.withdraw('b'), true);
  const { messages } = rig.router();
  assert.match((await messages.take(2)).join(), /\|Ta,.*\|Tc$/s);
  assert.equal(rig.link.withdraw('a'), false);
});

test('requests that no handler takes in time are refused, and never reach one', async (t) => {
  const rig = await openLink(t);
  rig.link.offer('a', Buffer.from('Ta'));
  rig.advance(9);
  assert.deepEqual(rig.sink.refused.all, []);
  rig.advance(2);
  assert.deepEqual(rig.sink.refused.all, ['a']);
  rig.link.offer('b', Buffer.from('Tb'));
  assert.equal(await rig.rep().messages.next(), 'Tb');
});

test('a response without an empty frame is refused, and further frames are ignored', async (t) => {
  const rig = await openLink(t);
  const { socket, messages } = rig.router();
  rig.link.offer('a', Buffer.from('Ta'));
  const [peer = ''] = (await messages.next()).split('|');
  for (const frames of [['Tx'], ['Tx', 'y'], [''], ['a', '']]) socket.send(parts(peer, ...frames));
  socket.send(parts(peer, '', 'Tgood', 'extra', ''));
  socket.send(parts(peer, 'envelope', '', 'Tbetter'));
  assert.deepEqual(await rig.sink.packets.take(2), ['Tgood', 'Tbetter']);
  assert.deepEqual([rig.counters.packetsMalformed, rig.counters.packetsReceived], [4, 6]);
  assert.equal(rig.zmq.log.with('response of a handler without a leading empty frame refused').length, 4);
});

test('a handler whose response is over the limit is cut off', async (t) => {
  const rig = await openLink(t);
  const { socket, messages } = rig.router();
  rig.link.offer('a', Buffer.from('Ta'));
  const [peer = ''] = (await messages.next()).split('|');
  socket.send(parts(peer, '', 'x'.repeat(1_001)));
  while (rig.zmq.counters.peersRefused === 0) await turn();
  assert.deepEqual(rig.sink.packets.all, []);
});

test('handlers may use any of several endpoints', async (t) => {
  const folder = temporaryFolder(t);
  const endpoints = ['one', 'two'].map((name) => `ipc://${join(folder, name)}`);
  const rig = new ReqLinkRig(t, { endpoints });
  assert.deepEqual(await rig.link.open(), endpoints);
  const handlers = endpoints.map((endpoint) => {
    const rep = rig.zmq.rep();
    rep.socket.connect(endpoint);
    return rep;
  });
  await rig.zmq.connected(4);
  for (const id of ['a', 'b']) rig.link.offer(id, Buffer.from(`T${id}`));
  const got = await Promise.all(handlers.map(({ messages }) => messages.next()));
  assert.deepEqual(got.sort(), ['Ta', 'Tb']);
});

test('with connect the handlers bind', async (t) => {
  const rig = new ReqLinkRig(t, { connect: true });
  const { socket, messages } = rig.zmq.rep();
  await socket.bind(rig.endpoint);
  assert.deepEqual(await rig.link.open(), [rig.endpoint]);
  rig.link.offer('a', Buffer.from('Ta'));
  assert.equal(await messages.next(), 'Ta');
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
