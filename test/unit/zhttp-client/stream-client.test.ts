import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_ZHTTP_LIMITS } from '../../../src/codec/zhttp/index.ts';
import { type EdgeRig, edgeRig, type Opened } from '../../support/zhttp/edge-rig.ts';

/** So many answers that have begun, with nothing owed to anybody. */
function begun(rig: EdgeRig, count: number, fields: { multi?: boolean; from?: string } = {}): Opened[] {
  return Array.from({ length: count }, () => {
    const opened = rig.request();
    rig.link.respond(opened.id, { code: 200, more: true, multi: true, ...fields });
    opened.client.take();
    return opened;
  });
}

// ---- packets for many sessions

test('one packet for 128 sessions reaches each of them that can take it', (t) => {
  const rig = edgeRig(t);
  const all = begun(rig, 127);
  const [ended, wrong, ...others] = all as [Opened, Opened, ...Opened[]];
  rig.link.respond(ended.id, {});
  ended.client.take();
  const refs = all.map(({ id }) => [id, id === wrong.id ? 9 : rig.link.nextSeq(id)] as const);
  rig.link.respondAll([...refs, ['e-nobody', 5]], { body: 'tick\n', more: true });
  assert.deepEqual(ended.client.take(), []);
  assert.deepEqual(wrong.client.take(), ['error HF_BACKEND_PROTOCOL']);
  for (const { client } of others) assert.deepEqual(client.take(), ['data "tick\\n" more']);
  assert.deepEqual(rig.link.take(), [
    `h1 ${ended.id}#null cancel`,
    `h1 ${wrong.id}#1 cancel`,
    'h1 e-nobody#null cancel',
  ]);
  assert.deepEqual([rig.counters.packetsUnclaimed, rig.counters.sessionsOpen], [2, 125]);
});

test('a cancel for many sessions ends them all', (t) => {
  const rig = edgeRig(t);
  const all = begun(rig, 3);
  rig.link.respondAll(
    all.map(({ id }) => [id, 1]),
    { type: 'cancel' },
  );
  for (const { client } of all) assert.deepEqual(client.take(), ['error HF_BACKEND_CANCELLED']);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a session that one packet names twice gets it twice', (t) => {
  const rig = edgeRig(t);
  const [{ client, id }] = begun(rig, 1) as [Opened];
  rig.link.respondAll(
    [
      [id, 1],
      [id, 2],
    ],
    { body: 'x', more: true },
  );
  assert.deepEqual(client.take(), ['data "x" more', 'data "x" more']);
});

// ---- packets for nobody, and packets that are none

test('packets for unknown sessions are counted, and handlers get a cancel if the id has our prefix', (t) => {
  const rig = edgeRig(t);
  for (const id of ['', 'e', 'f-1', 'ee-1', 'constructor']) rig.link.respond(id, { code: 200 });
  assert.deepEqual(rig.link.take(), []);
  for (const id of ['e-', 'e-0-0']) rig.link.respond(id, { code: 200 }, 'h2');
  assert.deepEqual(rig.link.take(), ['h2 e-#null cancel', 'h2 e-0-0#null cancel']);
  rig.link.respond('e-0-0', { type: 'keep-alive' });
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#null cancel']);
  for (const type of ['cancel', 'error', 'credit'] as const) rig.link.respond('e-0-0', { type });
  rig.link.respond('e-0-0', { type: 'keep-alive' }, '');
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.packetsUnclaimed, 12);
});

test('a packet that names no session is counted', (t) => {
  const rig = edgeRig(t);
  rig.link.respondRaw('T13:4:code,3:200#}');
  rig.link.respondRaw('T0:}');
  assert.deepEqual([rig.counters.packetsUnclaimed, rig.counters.packetsMalformed], [2, 0]);
});

test('a packet that cannot be read is counted and logged, and affects only sessions that it names', (t) => {
  const rig = edgeRig(t);
  const [{ client }] = begun(rig, 1) as [Opened];
  const payloads = ['', 'T', 'J', 'X0:}', 'T5:abc', 'T3:abc,', 'J[]', 'J{"id":', 'T9999999999:}', '\0'];
  for (const payload of payloads) rig.link.respondRaw(payload);
  assert.equal(rig.counters.packetsMalformed, payloads.length);
  assert.equal(rig.log.with('packet of a handler refused').length, payloads.length);
  assert.deepEqual(client.take(), []);
  assert.deepEqual(rig.link.take(), []);
});

test('a packet with an invalid field ends the sessions that it names', (t) => {
  const rig = edgeRig(t);
  const [one, two, other] = begun(rig, 3) as [Opened, Opened, Opened];
  rig.link.respondRaw(`J{"from":"h9","id":"${one.id}","seq":1,"type":"dance"}`);
  assert.deepEqual(one.client.take(), ['error HF_BACKEND_PROTOCOL']);
  assert.equal(one.client.error?.detail, '"type" is not a type of packet');
  rig.link.respondRaw(`J{"id":[{"id":"${two.id}","seq":1},{"id":"e-nobody","seq":1}],"code":-1}`);
  assert.deepEqual(two.client.take(), ['error HF_BACKEND_PROTOCOL']);
  assert.deepEqual(other.client.take(), []);
  assert.deepEqual(rig.link.take(), [`h1 ${one.id}#1 cancel`, `h1 ${two.id}#1 cancel`]);
  assert.equal(rig.counters.packetsMalformed, 2);
});

test('a packet with 129 ids is refused, and its sessions continue', (t) => {
  const rig = edgeRig(t);
  const [{ client, id }] = begun(rig, 1) as [Opened];
  const ids = Array.from({ length: 129 }, () => ({ id, seq: 1 }));
  rig.link.respondRaw(`J${JSON.stringify({ from: 'h1', id: ids, body: 'x', more: true })}`);
  assert.equal(rig.counters.packetsMalformed, 1);
  assert.deepEqual(client.take(), []);
  rig.link.respond(id, { body: 'next', more: true });
  assert.deepEqual(client.take(), ['data "next" more']);
});

test('a response with too many header fields fails its request', (t) => {
  const rig = edgeRig(t, { limits: { ...DEFAULT_ZHTTP_LIMITS, maxHeaders: 3 } });
  const fields = (count: number): string[] => Array.from({ length: count * 2 }, (_, i) => `x${i}`);
  const good = rig.request();
  rig.link.respond(good.id, { code: 200, headers: fields(3) });
  assert.deepEqual(good.client.take(), ['head 200', 'data ""']);
  const bad = rig.request();
  rig.link.respond(bad.id, { code: 200, headers: fields(4) });
  assert.deepEqual(bad.client.take(), ['error HF_BACKEND_PROTOCOL']);
});

test('a response may be written as JSON', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  rig.link.respondRaw(`J{"from":"h1","id":"${id}","seq":0,"code":200,"reason":"OK","body":"hi"}`);
  assert.deepEqual(client.take(), ['head 200 OK', 'data "hi"']);
});

test('a first packet that cannot be read ends its session, and its sender gets an error', (t) => {
  const rig = edgeRig(t);
  const named = rig.request();
  rig.link.respondRaw(`J{"from":"h7","id":"${named.id}","type":"dance"}`);
  const unnamed = rig.request();
  rig.link.respondRaw(`J{"id":"${unnamed.id}","type":"dance"}`);
  for (const { client } of [named, unnamed]) assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
  assert.deepEqual(rig.link.withdrawn, [named.id, unnamed.id]);
  assert.deepEqual(rig.link.take(), [`h7 ${named.id}#1 cancel`]);
});

test('the ids of sessions are never used twice', (t) => {
  const rig = edgeRig(t, { idPrefix: 'p' });
  const ids = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? rig.request() : rig.webSocket()).id);
  assert.equal(new Set(ids).size, 100);
  assert.ok(ids.every((id) => /^p-\d+-\d+$/.test(id)));
});

// ---- signs of life, and silence

test('a handler gets a keep-alive after each three quarters of the session timeout', (t) => {
  const rig = edgeRig(t);
  const [{ id }] = begun(rig, 1) as [Opened];
  rig.advance(44.5);
  assert.deepEqual(rig.link.take(), []);
  rig.advance(1);
  assert.deepEqual(rig.link.take(), [`h1 ${id}#1 keep-alive`]);
  rig.link.respond(id, { type: 'keep-alive' });
  rig.advance(43.5);
  assert.deepEqual(rig.link.take(), []);
  rig.advance(2);
  assert.deepEqual(rig.link.take(), [`h1 ${id}#2 keep-alive`]);
});

test('no keep-alive is sent before the first packet of a handler', (t) => {
  const rig = edgeRig(t);
  rig.request();
  rig.advance(59);
  assert.deepEqual(rig.link.take(), []);
});

test('keep-alives for many sessions are sent together for each handler, up to 128 in a packet', (t) => {
  const rig = edgeRig(t);
  begun(rig, 1_500);
  begun(rig, 20, { from: 'h2' });
  begun(rig, 20, { from: 'h3', multi: false });
  rig.advance(30);
  for (let n = 1; n <= 1_540; n++) {
    const id = `e-${n - 1}-${n - 1}`;
    rig.link.respond(id, { type: 'keep-alive' }, n > 1_520 ? 'h3' : n > 1_500 ? 'h2' : 'h1');
  }
  rig.advance(17);
  const ids = new Map<string, number>();
  const packets = new Map<string, number>();
  for (const { address, packet } of rig.link.routed) {
    assert.equal(packet.type, 'keep-alive');
    assert.ok(packet.ids.every(({ seq }) => seq === 1));
    assert.ok(packet.ids.length <= 128);
    ids.set(address, (ids.get(address) ?? 0) + packet.ids.length);
    packets.set(address, (packets.get(address) ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(ids), { h1: 1_500, h2: 20, h3: 20 });
  assert.ok((packets.get('h1') ?? 0) <= 22, `${packets.get('h1')} packets`);
  assert.ok((packets.get('h2') ?? 0) <= 2);
  assert.equal(packets.get('h3'), 20);
});

test('a session whose handler is silent ends: 504 before the response, cut afterwards, with a cancel to the handler', (t) => {
  const rig = edgeRig(t);
  const never = rig.request();
  const early = rig.request();
  rig.link.respond(early.id, { type: 'keep-alive' });
  const [late] = begun(rig, 1) as [Opened];
  rig.advance(59);
  assert.equal(rig.counters.sessionsOpen, 3);
  rig.link.take();
  rig.advance(2);
  for (const { client } of [never, early, late]) {
    assert.deepEqual(client.take(), ['error HF_BACKEND_TIMEOUT']);
    assert.equal(client.error?.face.status, 504);
    assert.equal(client.error?.detail, 'nothing came from the handler for 60 s');
  }
  assert.deepEqual(rig.link.take().sort(), [`h1 ${early.id}#2 cancel`, `h1 ${late.id}#2 cancel`]);
  // It may be waiting for a handler still.
  assert.deepEqual(rig.link.withdrawn, [never.id]);
  const { sessionsExpired, sessionsFailed, sessionsOpen } = rig.counters;
  assert.deepEqual([sessionsExpired, sessionsFailed, sessionsOpen], [3, 3, 0]);
});

test('any packet of the handler keeps the session alive', (t) => {
  const rig = edgeRig(t);
  const [{ client, id }] = begun(rig, 1) as [Opened];
  for (const fields of [{ type: 'keep-alive' }, { type: 'credit', credits: 1 }, { body: 'x', more: true }] as const) {
    rig.advance(59);
    rig.link.respond(id, fields);
  }
  rig.advance(59);
  assert.deepEqual(
    client.take().filter((event) => event.startsWith('error')),
    [],
  );
  rig.advance(2);
  assert.equal(client.error?.code, 'HF_BACKEND_TIMEOUT');
});

test('a session without bytes ends, even if its handler sends keep-alives', (t) => {
  const rig = edgeRig(t, { streamTimeout: 100_000 });
  const { client, id } = rig.openWebSocket();
  const alive = (seconds: number): void => {
    for (let left = seconds; left > 0; left -= 10) {
      rig.advance(10);
      rig.link.respond(id, { type: 'keep-alive' });
    }
  };
  alive(90);
  client.message('x');
  alive(90);
  rig.link.respond(id, { body: 'y' });
  alive(90);
  assert.deepEqual(
    client.take().filter((event) => event.startsWith('error')),
    [],
  );
  rig.link.take();
  alive(20);
  assert.equal(client.error?.code, 'HF_EXCHANGE_TIMEOUT');
  assert.equal(client.error?.detail, 'nothing moved for 100 s');
  assert.match(rig.link.take().at(-1) ?? '', /cancel$/);
});

test('a request whose client has left is dropped if no handler ever responds', (t) => {
  const rig = edgeRig(t);
  const { client } = rig.request();
  client.leave();
  rig.advance(61);
  assert.equal(rig.counters.sessionsOpen, 0);
  assert.deepEqual(rig.link.take(), []);
});

// ---- the end

test('stopping ends each session once, and cancels them in few packets', async (t) => {
  const rig = edgeRig(t);
  const all = [
    ...begun(rig, 130),
    ...begun(rig, 2, { from: 'h2', multi: false }),
    rig.openWebSocket(),
    rig.request(),
    rig.request(),
  ];
  (all.at(-1) as Opened).client.leave();
  await rig.edge.stop();
  assert.equal(rig.link.closed, true);
  for (const { client } of all.slice(0, -1)) {
    assert.deepEqual(client.take(), ['error HF_DRAINING']);
    assert.equal(client.error?.face.status, 503);
  }
  const packets = rig.link.routed.map(({ address, packet }) => `${address} ${packet.type} ${packet.ids.length}`);
  assert.deepEqual(packets.sort(), ['h1 cancel 1', 'h1 cancel 128', 'h1 cancel 2', 'h2 cancel 1', 'h2 cancel 1']);
  assert.deepEqual(rig.link.withdrawn, [all.at(-1)?.id, all.at(-2)?.id]);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a session whose cancel is lost when stopping ends once too', async (t) => {
  const rig = edgeRig(t);
  const all = begun(rig, 3);
  rig.link.onRouted = ({ packet }) => {
    for (const { id } of packet.ids) rig.link.lose(id);
  };
  await rig.edge.stop();
  for (const { client } of all) assert.equal(client.take().length, 1);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('nothing happens after stopping', async (t) => {
  const rig = edgeRig(t);
  begun(rig, 1);
  await rig.edge.stop();
  rig.link.take();
  rig.advance(100);
  assert.deepEqual(rig.link.take(), []);
});
