import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Dealer, Publisher, Pull, Push, Request, Router } from 'zeromq';
import { encodeRequestPacket, parseResponsePacket, RequestPacket } from '../../src/codec/zhttp/index.ts';
import { type ProtocolCase, readCases } from '../support/cases.ts';
import {
  descriptorsBack,
  descriptorsOf,
  startCondureClient,
  startZurl,
  stopFetcher,
} from '../support/fetch/fetcher.ts';
import { ending, startOriginRig } from '../support/fetch/origin-rig.ts';
import { ReqRequester, ZhttpRequester } from '../support/fetch/zhttp-requester.ts';
import type { RawPeer } from '../support/raw-peer.ts';
import { GARBAGE, rawAt } from '../support/zmq/garbage.ts';
import { Arrivals } from '../support/zmq/zmq-rig.ts';

/** Packets that cannot be understood, under the limits that the program has by itself. */
const REFUSED = readCases('zhttp').filter(
  ({ document, kind, events, options }) =>
    document === 'refused.md' &&
    kind === 'zhttp request' &&
    (events[0] as string).startsWith('error ') &&
    !options.has('limits'),
);

/** What a case says of the packet: whom it is from, its sessions, and the condition that they get. */
function eventsOf({ events }: ProtocolCase, name: string): string[] {
  return events.filter((event) => event.startsWith(`${name} `)).map((event) => event.slice(name.length + 1));
}

const FINE = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine';

test('malformed packets are only counted, and refused if they have an address', async (t) => {
  const rig = await startOriginRig(t);
  const { endpoints, id: address } = rig.running;
  const requester = await ZhttpRequester.start(t, endpoints, 'c1');
  assert.ok(REFUSED.length > 40);
  const answers = REFUSED.flatMap((one) =>
    eventsOf(one, 'from').includes('c1') && eventsOf(one, 'condition').length > 0
      ? eventsOf(one, 'id').map((id) => `error ${eventsOf(one, 'condition')} ${id}`)
      : [],
  );
  assert.ok(answers.length > 10);
  const strays = async () =>
    (await requester.strays.take(answers.length)).map(
      ({ type, condition, ids }) => `${type} ${condition} ${ids[0]?.id}`,
    );
  for (const { input } of REFUSED) await requester.push(input);
  assert.deepEqual(await strays(), answers);
  for (const { input } of REFUSED) await requester.sendTo(address, input);
  assert.deepEqual(await strays(), answers);
  // In req mode it is known whom to answer, whatever the packet is.
  const told = REFUSED.map((one) => {
    const ids = eventsOf(one, 'id');
    return `error bad-request ${ids.length === 1 ? ids[0] : undefined}`;
  });
  for (const { input } of REFUSED) await rig.reqRequester.send('', input);
  const replies = (await rig.reqRequester.strays.take(REFUSED.length)).map((payload) => parseResponsePacket(payload));
  assert.deepEqual(
    replies.map(({ type, condition, ids }) => `${type} ${condition} ${ids[0]?.id}`),
    told,
  );
  requester.close();
  const { zhttp } = await rig.stop();
  assert.deepEqual([zhttp.packetsMalformed, zhttp.sessionsFailed], [3 * REFUSED.length, 0]);
});

for (const [role, start] of [
  ['zurl', (t: TestContext) => startZurl(t)],
  ['condure', (t: TestContext) => startCondureClient(t)],
] as const) {
  test(`packets that crash Zurl or Condure do not affect holdfast ${role}`, async (t) => {
    const running = await start(t);
    const requester = await ZhttpRequester.start(t, running.endpoints);
    const reqRequester = ReqRequester.start(t, running.endpoints.req);
    const deadly = [
      'T5:abc',
      // A WebSocket without an address, without an id, and in req mode.
      ...['2:id,1:a,', '4:from,2:me,', ''].map((names) => `T${names.length + 27}:${names}3:uri,17:ws://127.0.0.1:1/,}`),
    ];
    for (const message of deadly) {
      await requester.push(message);
      await requester.sendTo(running.id, Buffer.from(message));
      await reqRequester.send('', message);
      assert.equal(parseResponsePacket(await reqRequester.strays.next()).condition, 'bad-request');
    }
    const answer = await reqRequester.ask('alive', { method: 'GET', uri: 'http://127.0.0.1:1/' });
    assert.equal(answer.condition, 'remote-connection-failed');
    const { zhttp } = await stopFetcher(running);
    assert.equal(zhttp.packetsMalformed, 3);
  });
}

test('surplus, missing or misplaced frames are counted or ignored', async (t) => {
  const rig = await startOriginRig(t);
  const { id: address } = rig.running;
  const uri = `http://${await rig.origin(FINE)}/`;
  const packet = (id: string) =>
    encodeRequestPacket(
      Object.assign(new RequestPacket(), {
        from: 'me',
        ids: [{ id, seq: 0 }],
        method: 'GET',
        uri,
        stream: true,
        credits: 10,
      }),
    );
  // Behind a first packet anything may stand.
  await rig.requester.push(packet('a'), 'more', '', packet('b'));
  assert.deepEqual((await rig.requester.strays.next()).ids, [{ id: 'a', seq: 0 }]);
  const keepAlive = encodeRequestPacket(
    Object.assign(new RequestPacket(), { from: 'me', ids: [{ id: 'nobody', seq: 0 }], type: 'keep-alive' }),
  );
  for (const frames of [['x'], [keepAlive], [''], ['x', 'y', keepAlive], ['x', ''], [...'123456789', '', keepAlive]]) {
    await rig.requester.sendRaw(address, ...frames);
  }
  // An envelope of up to eight frames is stepped over.
  await rig.requester.sendRaw(address, ...'1234567', '', keepAlive, 'more');
  let stray = await rig.requester.strays.next();
  while (stray.type !== 'cancel') stray = await rig.requester.strays.next();
  assert.deepEqual(stray.ids, [{ id: 'nobody', seq: null }]);
  for (const frames of [['x'], [packet('c')], [''], ['x', ''], ['x', 'y']]) await rig.reqRequester.send(...frames);
  assert.equal(await rig.outcome('req', { uri }), '200 fine');
  const { zhttp } = await stopFetcher(rig.running);
  assert.deepEqual([zhttp.packetsMalformed, zhttp.packetsUnclaimed], [6 + 5, 1]);
});

test('packets out of order, of wrong types, or for unknown sessions end at most their own session', async (t) => {
  const rig = await startOriginRig(t);
  const asked = new Arrivals<RawPeer>();
  const authority = await rig.scripted(async (peer) => {
    await peer.take();
    asked.add(peer);
  });
  const other = await rig.ask({ uri: `http://${authority}/` });
  await other.nextAny();
  await asked.next();
  const misdeeds: Readonly<
    Record<string, readonly [act: Parameters<typeof other.send>[0], seq: number | null, end: string]>
  > = {
    'a number too far': [{ type: 'keep-alive' }, 2, 'cancel'],
    'a number again': [{ type: 'keep-alive' }, 0, 'cancel'],
    'no number': [{ type: 'keep-alive' }, null, 'cancel'],
    'a type that does not exist': [{ type: 'explode' }, 1, 'bad-request'],
    'a type of WebSockets': [{ type: 'ping' }, 1, 'bad-request'],
    'a close': [{ type: 'close' }, 1, 'bad-request'],
    'data behind the end': [{ body: Buffer.from('x') }, 1, 'bad-request'],
  };
  for (const [what, [fields, seq, end]] of Object.entries(misdeeds)) {
    const session = await rig.ask({ uri: `http://${authority}/` });
    await session.nextAny();
    const peer = await asked.next();
    await session.send({ ...fields, ids: [{ id: session.id, seq }] });
    assert.equal(await ending(session), end, what);
    await peer.ended;
  }
  for (const type of ['data', 'credit', 'keep-alive', 'handoff-start', 'ping', 'close']) {
    await other.send({ type, ids: [{ id: 'nobody', seq: 7 }] });
    const { type: answer, ids, from } = await rig.requester.strays.next();
    assert.deepEqual([answer, ids, from], ['cancel', [{ id: 'nobody', seq: null }], ''], type);
  }
  for (const type of ['cancel', 'error']) await other.send({ type, ids: [{ id: 'nobody', seq: 7 }] });
  // Among many sessions those that exist are not taken for the one that does not.
  await other.send({ type: 'keep-alive', multi: true, ids: [{ id: 'nobody', seq: 0 }, other.nextRef()] });
  assert.deepEqual((await rig.requester.strays.next()).ids, [{ id: 'nobody', seq: null }]);
  await other.send({ type: 'cancel' });
  const { zhttp } = await rig.stop();
  assert.deepEqual([zhttp.packetsUnclaimed, zhttp.sessionsCancelled], [6 + 2 + 1, 1]);
});

test('half-open sessions affect only their requester, and others only for a while', async (t) => {
  const rig = await startOriginRig(t, ['max_open_requests = 5', 'session_timeout = 0.5']);
  const uri = `http://${await rig.origin(FINE)}/`;
  const silent = await rig.scripted(() => {});
  // They are begun by somebody who goes away without a word.
  const flood = await ZhttpRequester.start(t, rig.running.endpoints, 'flood');
  for (let i = 0; i < 12; i++) {
    const fields = [
      { method: 'POST', uri, stream: true, more: true },
      { method: 'GET', uri: `http://${silent}/`, stream: true, credits: 1_000 },
      { uri: `ws://${silent}/`, credits: 1_000 },
    ][i % 3];
    await flood.ask(`f${i}`, fields ?? {});
  }
  while (flood.frames.length < 4) await new Promise(setImmediate);
  flood.close();
  assert.deepEqual(await Promise.all([rig.outcome('stream', { uri }), rig.outcome('req', { uri })]), [
    '200 fine',
    '200 fine',
  ]);
  const { zhttp } = await rig.stop();
  assert.equal(zhttp.sessionsExpired, 12);
});

test('a requester that vanishes leaves nothing behind, and its requests are given up', async (t) => {
  const rig = await startOriginRig(t, ['session_timeout = 0.5']);
  const ended: Promise<unknown>[] = [];
  const authority = await rig.scripted(async (peer) => {
    ended.push(peer.ended);
    await peer.take();
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n');
  });
  const requester = await ZhttpRequester.start(t, rig.running.endpoints, 'vanishing');
  const session = await requester.ask('a', { method: 'GET', uri: `http://${authority}/`, stream: true, credits: 10 });
  await session.next('data');
  requester.close();
  await ended[0];
  // In req mode nobody can be asked whether he is still there, and the request is made.
  const { program, endpoints } = rig.running;
  const before = descriptorsOf(program);
  const asked = new Arrivals<RawPeer>();
  const slow = await rig.scripted(async (peer) => {
    await peer.take();
    asked.add(peer);
  });
  const dealer = new Dealer({ linger: 0 });
  dealer.connect(endpoints.req);
  const request = Object.assign(new RequestPacket(), { method: 'GET', uri: `http://${slow}/` });
  await dealer.send(['', encodeRequestPacket(request)]);
  const peer = await asked.next();
  dealer.close();
  // Its connection is closed, that to the origin still stands.
  await descriptorsBack(program, [...before, 'origin']);
  peer.write(FINE);
  await program.logged('response dropped: its requester has gone or takes nothing');
  const { zhttp } = await rig.stop();
  assert.deepEqual([zhttp.sessionsExpired, zhttp.packetsUndelivered], [1, 1]);
});

test('garbage on the ZeroMQ endpoints cuts off only its sender', async (t) => {
  const rig = await startOriginRig(t);
  const { in: input, inStream, out, req } = rig.running.endpoints;
  const uri = `http://${await rig.origin(FINE)}/`;
  for (const [what, bytes] of Object.entries(GARBAGE)) {
    for (const [endpoint, type] of [
      [input, 'PUSH'],
      [inStream, 'DEALER'],
      [out, 'SUB'],
      [req, 'DEALER'],
    ] as const) {
      const socket = await rawAt(t, endpoint);
      const closed = once(socket, 'close');
      socket.write(bytes(type));
      await closed;
    }
    assert.equal(await rig.outcome('stream', { uri }), '200 fine', what);
  }
  const sockets: Socket[] = [];
  for (const endpoint of [input, inStream, out, req]) {
    for (let i = 0; i < 100; i++) sockets.push(await rawAt(t, endpoint));
  }
  assert.equal(await rig.outcome('stream', { uri }), '200 fine');
  for (const socket of sockets) socket.destroy();
  const { zmq } = await rig.stop();
  assert.equal(zmq.peersRefused, 4 * Object.keys(GARBAGE).length);
});

test('sockets of wrong types, and those with too large messages, are cut off', async (t) => {
  const rig = await startOriginRig(t, ['max_packet_bytes = 300_000']);
  const { in: input, inStream, out, req } = rig.running.endpoints;
  const { program } = rig.running;
  const cutOff = () => program.log().filter(({ msg }) => msg === 'zmq peer cut off').length;
  const strangers = [
    [new Pull(), input],
    [new Publisher(), input],
    [new Dealer(), input],
    [new Push(), out],
    [new Request(), out],
    [new Pull(), inStream],
    [new Publisher(), req],
    // The name of a requester that is there.
    [new Router({ routingId: 'me' }), inStream],
  ] as const;
  for (const [socket, endpoint] of strangers) {
    socket.linger = 0;
    t.after(() => socket.close());
    socket.connect(endpoint);
  }
  while (cutOff() < strangers.length) await program.logged('zmq peer cut off', () => cutOff() >= strangers.length);
  for (const [socket, endpoint] of [
    [new Push(), input],
    [new Dealer(), req],
    [new Dealer(), inStream],
  ] as const) {
    socket.linger = 0;
    t.after(() => socket.close());
    socket.connect(endpoint);
    const before = cutOff();
    await socket.send(['', Buffer.alloc(400_000)]);
    await program.logged('zmq peer cut off', () => cutOff() > before);
  }
  const uri = `http://${await rig.origin(FINE)}/`;
  assert.equal(await rig.outcome('stream', { uri }), '200 fine');
});
