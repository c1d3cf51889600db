import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { ZhttpServer, type ZhttpServerOptions } from '../../../src/zhttp-server/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { type PacketFields, requestPacket } from '../../support/zhttp/server-rig.ts';
import { ZhttpServerRig } from '../../support/zhttp/zhttp-server-rig.ts';
import { parts } from '../../support/zmq/zmq-rig.ts';

async function openBridge(t: TestContext, changes: Partial<ZhttpServerOptions> = {}): Promise<ZhttpServerRig> {
  const rig = new ZhttpServerRig(t, changes);
  await rig.bridge.open();
  return rig;
}

/** A GET by `me`, unless `fields` say otherwise. */
function ask(fields: PacketFields = {}): Buffer {
  return requestPacket({ from: 'me', method: 'GET', uri: 'http://example.com/', seq: 0, ...fields });
}

/** A GET in req mode. */
function plainAsk(fields: PacketFields = {}): Buffer {
  return requestPacket({ method: 'GET', uri: 'http://example.com/', id: '', ...fields });
}

/** Waits until so much has been asked of the fetcher. */
async function asked(rig: ZhttpServerRig, count: number): Promise<void> {
  while (rig.fetcher.fetches.length < count) await turn();
}

// ---- stream mode

test('a request comes over PULL, and the response leaves over PUB', async (t) => {
  const rig = await openBridge(t);
  const { push, published } = await rig.requester();
  // Further frames have no meaning.
  push.socket.send([ask({ stream: true, credits: 100 }), ...parts('ignored', '')]);
  assert.match(await published.next(), /^me T.*keep-alive/);
  rig.fetcher.last.respond().data('hello');
  assert.match(await published.next(), /^me T.*4:code,3:200#.*5:hello,}$/);
});

test('any number of monitors see the outcome of a request whose requester has left', async (t) => {
  const rig = await openBridge(t);
  const { push, published } = await rig.requester('hooks');
  const other = await rig.requester('hooks');
  const stranger = await rig.requester('hook');
  push.socket.send([ask({ from: 'hooks', userData: '4:this,' })]);
  for (const each of [published, other.published]) assert.match(await each.next(), /keep-alive.*4:this,}$/);
  await push.socket.close();
  rig.fetcher.last.fail('HF_ORIGIN_UNREACHABLE');
  for (const each of [published, other.published])
    assert.match(await each.next(), /remote-connection-failed.*4:this,}$/);
  assert.deepEqual(stranger.published.all, []);
});

test("further packets come over the ROUTER socket, which has the instance's id", async (t) => {
  const rig = await openBridge(t);
  const { push, router } = await rig.requester();
  push.socket.send([ask({ stream: true, method: 'POST', more: true })]);
  await asked(rig, 1);
  rig.fetcher.last.grant(100);
  const send = (fields: PacketFields, ...envelope: string[]) =>
    router.socket.send([...parts('zu', ...envelope), requestPacket({ from: 'me', ...fields }), ...parts('ignored')]);
  assert.equal(send({ seq: 1, body: 'one', more: true }, ''), true);
  // Up to eight frames in front: the sender's name is the first of them.
  send({ seq: 2, body: 'two' }, ...Array.from({ length: 7 }, (_, i) => `hop${i}`), '');
  while (rig.fetcher.last.events.length < 2) await turn();
  assert.deepEqual(rig.fetcher.last.take(), ['data "one" more', 'data "two"']);
});

test('a message without a packet on the ROUTER socket is refused', async (t) => {
  const rig = await openBridge(t);
  const { router } = await rig.requester();
  const envelopes = [['x'], [''], ['x', 'y'], ['x', '']];
  envelopes.push([...Array.from({ length: 8 }, (_, i) => `hop${i}`), '', 'T0:}']);
  for (const envelope of envelopes) router.socket.send(parts('zu', ...envelope));
  await rig.zmq.log.until('packet of a requester refused', envelopes.length);
  assert.equal(rig.counters.packetsMalformed, 5);
});

test('responses go over the ROUTER socket if the requester asks for it', async (t) => {
  const rig = await openBridge(t);
  const { push, router, published } = await rig.requester('me', true);
  push.socket.send([ask({ routerResp: true })]);
  assert.match(await router.messages.next(), /^zu\|\|T.*keep-alive/);
  rig.fetcher.last.respond().data('hello');
  assert.match(await router.messages.next(), /^zu\|\|T.*5:hello,}$/);
  assert.deepEqual(published.all, []);
});

test('a response over the ROUTER socket waits for a requester that is not connected yet', async (t) => {
  const rig = await openBridge(t);
  const early = rig.zmq.push();
  early.socket.connect(`${rig.base}-in`);
  early.socket.send([ask({ routerResp: true })]);
  await asked(rig, 1);
  rig.fetcher.last.respond().data('hello');
  const { router } = await rig.requester('me', true);
  assert.match(await router.messages.next(), /keep-alive/);
  assert.match(await router.messages.next(), /5:hello,}$/);
});

test('under load no cancel overtakes a response: nothing for late packets or unknown sessions leaves over PUB', async (t) => {
  const rig = await openBridge(t, { maxOpenRequests: 500 });
  const { push, router, published } = await rig.requester('me', true);
  rig.fetcher.onFetch = (fetch) => {
    setImmediate(() => fetch.respond().data('hello'));
  };
  const count = 2_000;
  let data = 0;
  let others = 0;
  const late = (id: string, type: 'keep-alive' | 'credit', seq: number) =>
    router.socket.send([...parts('zu', ''), requestPacket({ from: 'me', id, seq, type, credits: 5 })]);
  for (let asked = 0, answered = 0; answered < count; ) {
    for (; asked < count && asked - answered < 100; asked++)
      push.socket.send([ask({ id: `s${asked}`, routerResp: true })]);
    const message = await router.messages.next();
    const [, id = ''] = /2:id,\d+:(s\d+),/.exec(message) ?? [];
    if (message.includes('keep-alive')) {
      // The requester grants credits and keeps the session alive, which cross the response.
      late(id, 'credit', 1);
      late(id, 'keep-alive', 2);
    } else if (message.includes('5:hello,')) {
      data++;
      answered++;
      late(id, 'credit', 3);
    } else {
      others++;
      answered++;
    }
  }
  late('ghost', 'keep-alive', 1);
  assert.match(await router.messages.next(), /^zu\|\|T.*5:ghost,.*cancel/);
  assert.deepEqual([data, others, published.all], [count, 0, []]);
  assert.equal(rig.counters.sessionsFailed, 0);
});

// ---- req mode

test('REQ and DEALER sockets get their responses on the path of the request', async (t) => {
  const rig = await openBridge(t);
  const req = rig.zmq.req();
  req.socket.connect(`${rig.base}-req`);
  req.socket.send([plainAsk()]);
  await asked(rig, 1);
  const dealer = rig.zmq.dealer();
  dealer.socket.connect(`${rig.base}-req`);
  dealer.socket.send([...parts('hop', ''), plainAsk({ id: 'i' }), ...parts('ignored')]);
  dealer.socket.send([...parts('', ''), plainAsk({ id: 'none' })]);
  dealer.socket.send([...parts(''), plainAsk({ id: 'j' })]);
  await asked(rig, 3);
  for (const fetch of rig.fetcher.fetches) fetch.respond().data(fetch.request.id);
  assert.equal(await req.messages.next(), 'T39:4:code,3:200#6:reason,2:OK,4:body,2:#1,}');
  assert.deepEqual(
    (await dealer.messages.take(3)).sort(),
    [
      // An empty packet is not a request.
      '|T57:2:id,1:j,3:seq,1:0#4:code,3:200#6:reason,2:OK,4:body,1:j,}',
      '|T42:4:type,5:error,9:condition,11:bad-request,}',
      'hop||T57:2:id,1:i,3:seq,1:0#4:code,3:200#6:reason,2:OK,4:body,1:i,}',
    ].sort(),
  );
});

test('a request in req mode without an empty frame gets no response and is counted', async (t) => {
  const rig = await openBridge(t);
  const dealer = rig.zmq.dealer();
  dealer.socket.connect(`${rig.base}-req`);
  dealer.socket.send([plainAsk()]);
  dealer.socket.send(parts('x', ''));
  await rig.zmq.log.until('packet of a requester refused', 2);
  assert.deepEqual([rig.counters.packetsMalformed, rig.counters.sessions], [2, 0]);
});

test('a response whose requester has left is counted and logged', async (t) => {
  const rig = await openBridge(t);
  const dealer = rig.zmq.dealer();
  dealer.socket.connect(`${rig.base}-req`);
  dealer.socket.send([...parts(''), plainAsk()]);
  await asked(rig, 1);
  await dealer.socket.close();
  while (rig.zmq.counters.peersOpen > 0) await turn();
  rig.fetcher.last.respond().data('');
  assert.equal(rig.counters.packetsUndelivered, 1);
  assert.equal(rig.zmq.log.with('response dropped: its requester has gone or takes nothing').length, 1);
});

test('the packet T5:abc does no harm on any socket', async (t) => {
  const rig = await openBridge(t);
  const { push, router } = await rig.requester();
  const req = rig.zmq.req();
  req.socket.connect(`${rig.base}-req`);
  push.socket.send(parts('T5:abc'));
  router.socket.send(parts('zu', '', 'T5:abc'));
  req.socket.send(parts('T5:abc'));
  assert.equal(await req.messages.next(), 'T42:4:type,5:error,9:condition,11:bad-request,}');
  while (rig.counters.packetsMalformed < 3) await turn();
  req.socket.send([plainAsk()]);
  await asked(rig, 1);
});

// ---- endpoints

test('opened endpoints are reported in order, with their ports', async (t) => {
  const any = 'tcp://127.0.0.1:*';
  const rig = new ZhttpServerRig(t, {
    stream: [
      { in: any, inStream: any, out: any },
      { in: any, inStream: any, out: any },
    ],
    req: [any, any],
  });
  const opened = await rig.bridge.open();
  assert.equal(new Set(opened).size, 8);
  assert.ok(opened.every((endpoint) => /^tcp:\/\/127\.0\.0\.1:\d+$/.test(endpoint)));
  const push = rig.zmq.push();
  push.socket.connect(opened[3] as string);
  push.socket.send([ask()]);
  const req = rig.zmq.req();
  req.socket.connect(opened[7] as string);
  req.socket.send([plainAsk()]);
  await asked(rig, 2);
});

test('socket files have the configured permissions', async (t) => {
  const rig = await openBridge(t, { ipcFileMode: 0o640 });
  for (const name of ['in', 'in-stream', 'out', 'req']) {
    assert.equal(statSync(`${rig.base}-${name}`.slice('ipc://'.length)).mode & 0o777, 0o640);
  }
});

test('with connect the requesters bind', async (t) => {
  const rig = new ZhttpServerRig(t, { connect: true });
  const push = rig.zmq.push();
  const sub = rig.zmq.sub();
  const dealer = rig.zmq.dealer();
  sub.socket.subscribe(Buffer.from('me '));
  await push.socket.bind(`${rig.base}-in`);
  await sub.socket.bind(`${rig.base}-out`);
  await dealer.socket.bind(`${rig.base}-req`);
  const opened = await rig.bridge.open();
  assert.deepEqual(
    opened,
    ['in', 'in-stream', 'out', 'req'].map((name) => `${rig.base}-${name}`),
  );
  await rig.zmq.connected(6);
  // The subscription takes its time to get there.
  for (let i = 0; sub.messages.all.length === 0; i++) {
    push.socket.send([ask({ id: `a${i}` })]);
    await turn();
  }
  assert.match(await sub.messages.next(), /keep-alive/);
  dealer.socket.send([...parts(''), plainAsk({ method: 'HEAD' })]);
  while (rig.fetcher.last.request.method !== 'HEAD') await turn();
  rig.fetcher.last.respond().data('ok');
  assert.match(await dealer.messages.next(), /2:ok,}$/);
});

test('an endpoint that cannot be opened, or is invalid, is an error that names it', async (t) => {
  const rig = new ZhttpServerRig(t, { req: ['ipc:///nowhere/at/all'] });
  await assert.rejects(rig.bridge.open(), /\/nowhere\/at\/all/);
  assert.throws(() => new ZhttpServerRig(t, { inHwm: -1 }), /receiveHwm/);
  assert.equal(typeof ZhttpServer, 'function');
});

// ---- how much at a time

test('at the maximum of requests neither socket is read until one has ended', async (t) => {
  const rig = await openBridge(t, { maxOpenRequests: 1 });
  const { push, router } = await rig.requester();
  const before = rig.zmq.counters.messagesReceived;
  const req = rig.zmq.req();
  req.socket.connect(`${rig.base}-req`);
  push.socket.send([ask({ stream: true, credits: 1 })]);
  await asked(rig, 1);
  push.socket.send([ask({ id: 'b' })]);
  req.socket.send([plainAsk()]);
  // What comes by the ROUTER socket comes as ever, and so later than the others.
  router.socket.send([...parts('zu', ''), requestPacket({ from: 'me', seq: 1, type: 'credit', credits: 5 })]);
  while (rig.fetcher.last.events.length === 0) await turn();
  while (rig.zmq.counters.messagesReceived < before + 5) await turn();
  assert.equal(rig.fetcher.fetches.length, 1);
  for (let n = 2; n <= 3; n++) {
    rig.fetcher.last.respond().data('');
    await asked(rig, n);
    await turn();
    assert.equal(rig.fetcher.fetches.length, n);
  }
  rig.fetcher.last.respond().data('');
  await rig.bridge.whenEmpty();
  assert.deepEqual(rig.fetcher.fetches.map(({ request }) => request.id).sort(), ['#3', 'a', 'b']);
});

test('neither socket starves the other', async (t) => {
  const rig = await openBridge(t, { maxOpenRequests: 1 });
  const { push } = await rig.requester();
  const dealer = rig.zmq.dealer();
  dealer.socket.connect(`${rig.base}-req`);
  await rig.zmq.connected(8);
  const before = rig.zmq.counters.messagesReceived;
  push.socket.send([ask({ id: 'p0' })]);
  await asked(rig, 1);
  for (let i = 1; i < 5; i++) {
    push.socket.send([ask({ id: `p${i}` })]);
    dealer.socket.send([...parts(''), plainAsk({ id: `r${i}` })]);
  }
  // One is the acknowledgement.
  while (rig.zmq.counters.messagesReceived < before + 10) await turn();
  for (let n = 1; n <= 4; n++) {
    await asked(rig, n);
    rig.fetcher.last.respond().data('');
  }
  await asked(rig, 5);
  const kinds = new Set(rig.fetcher.fetches.map(({ request }) => request.id[0]));
  assert.deepEqual([...kinds].sort(), ['p', 'r']);
});

// ---- the end

test('during a drain requests of stream mode stay with their requesters, and those of req mode get an error', async (t) => {
  const rig = await openBridge(t, { maxOpenRequests: 1 });
  const { push, published } = await rig.requester();
  const req = rig.zmq.req();
  req.socket.connect(`${rig.base}-req`);
  push.socket.send([ask()]);
  assert.match(await published.next(), /keep-alive/);
  // Those that are here already are told as well.
  const before = rig.zmq.counters.messagesReceived;
  push.socket.send([ask({ id: 'b' })]);
  while (rig.zmq.counters.messagesReceived === before) await turn();
  rig.bridge.drain();
  assert.match(await published.next(), /1:b,.*undefined-condition/);
  req.socket.send([plainAsk()]);
  assert.match(await req.messages.next(), /undefined-condition/);
  const late = rig.zmq.req();
  const dials = rig.zmq.counters.dials;
  late.socket.connect(`${rig.base}-req`);
  while (rig.zmq.counters.dials < dials + 2) await turn();
  assert.equal(rig.fetcher.fetches.length, 1);
  const empty = rig.bridge.whenEmpty();
  rig.fetcher.last.respond().data('done');
  await empty;
  assert.match(await published.next(), /4:done,}$/);
});

test('every requester gets an error before the sockets close at a stop', async (t) => {
  const rig = await openBridge(t);
  const { push, published, router } = await rig.requester('me', true);
  const req = rig.zmq.req();
  req.socket.connect(`${rig.base}-req`);
  push.socket.send([ask({ stream: true })]);
  push.socket.send([ask({ id: 'b', routerResp: true })]);
  req.socket.send([plainAsk()]);
  await asked(rig, 3);
  await rig.bridge.stop();
  assert.match(await published.next(), /keep-alive/);
  assert.match(await published.next(), /1:a,.*5:error.*undefined-condition/);
  assert.match((await router.messages.take(2)).join(), /keep-alive.*undefined-condition/);
  assert.match(await req.messages.next(), /undefined-condition/);
  assert.equal(rig.zmq.counters.messagesDropped, 0);
});

test('a message over the limit cuts off its sender', async (t) => {
  const rig = await openBridge(t, { limits: { maxPacketBytes: 1_000, maxHeaders: 10 } });
  const { push } = await rig.requester();
  push.socket.send([Buffer.alloc(6_000)]);
  while (rig.zmq.counters.peersRefused === 0) await turn();
  assert.equal(rig.counters.packetsMalformed, 0);
});
