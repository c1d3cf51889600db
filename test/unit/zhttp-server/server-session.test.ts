import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_HELD_BYTES } from '../../../src/zhttp-server/requester-path.ts';
import { MAX_HELD_TOTAL } from '../../../src/zhttp-server/server-engine.ts';
import { turn } from '../../support/manual-clock.ts';
import { serverRig } from '../../support/zhttp/server-rig.ts';

// ---- numbers

test('a packet out of sequence, or without a number, ends the session with a cancel', (t) => {
  const rig = serverRig(t);
  for (const seq of [0, 2, null]) {
    const fetch = rig.stream();
    rig.follow({ type: 'keep-alive', seq });
    assert.deepEqual(fetch.take(), ['error HF_FETCH_INVALID']);
    assert.deepEqual(rig.link.take(), ['me a#0 keep-alive', 'me a#1 cancel']);
  }
  assert.deepEqual([rig.counters.sessionsFailed, rig.counters.sessionsOpen], [3, 0]);
  assert.equal(
    rig.log.with('request failed')[2]?.fields.detail,
    'packet without a number of the requester came in place of 1',
  );
});

test('a cancel or an error ends the session without a packet, even out of sequence', (t) => {
  const rig = serverRig(t);
  for (const type of ['cancel', 'error'] as const) {
    for (const seq of [1, 9, null]) {
      const fetch = rig.stream({ method: 'POST', body: 'x' });
      rig.follow({ type, seq });
      assert.deepEqual(fetch.take(), ['error HF_CLIENT_GONE']);
    }
  }
  assert.equal(rig.link.take().length, 6);
  assert.deepEqual([rig.counters.sessionsCancelled, rig.counters.sessionsFailed, rig.counters.sessionsOpen], [6, 0, 0]);
  assert.equal(rig.log.with('request cancelled').length, 6);
});

test('nothing is sent after a cancel during the response', async (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream().respond();
  rig.follow({ type: 'cancel' });
  await turn();
  assert.deepEqual(fetch.take(), ['error HF_CLIENT_GONE']);
  assert.deepEqual(rig.link.take(), ['me a#0 keep-alive']);
});

// ---- by the ROUTER socket

test('all packets go over the ROUTER socket if the requester asks for it', async (t) => {
  const rig = serverRig(t);
  rig.stream({ routerResp: true }).respond();
  await turn();
  rig.fetcher.last.data('hi');
  assert.deepEqual(rig.link.takeBytes(), [
    'T52:4:from,2:zu,2:id,1:a,3:seq,1:0#4:type,10:keep-alive,}',
    'T72:4:from,2:zu,2:id,1:a,3:seq,1:1#4:code,3:200#6:reason,2:OK,4:more,4:true!}',
    'T43:4:from,2:zu,2:id,1:a,3:seq,1:2#4:body,2:hi,}',
  ]);
});

test('a packet that the ROUTER socket drops ends its session', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ routerResp: true, headers: Array.from({ length: 100 }, (_, i) => `x${i}`) });
  const ack = rig.link.answers[0]?.bytes ?? assert.fail();
  for (const address of ['me', 'me', 'you']) rig.link.sink.onLost(address, ack);
  assert.deepEqual(fetch.take(), ['error HF_CLIENT_STALLED']);
  assert.deepEqual([rig.counters.packetsUndelivered, rig.counters.sessionsFailed], [3, 1]);
});

// ---- signs of life, and silence

test('a requester gets a keep-alive after each half of the session timeout', (t) => {
  const rig = serverRig(t);
  rig.stream();
  rig.webSocket({ id: 'ws', userData: '1:u,' });
  rig.first({ id: 'one' });
  rig.link.take();
  rig.advance(29);
  assert.deepEqual(rig.link.take(), []);
  rig.advance(2);
  const signs = ['me a#1 keep-alive', 'me one#1 keep-alive', 'me ws#1 keep-alive ~1:u,'];
  assert.deepEqual(rig.link.take().sort(), signs);
  for (const id of ['a', 'ws']) rig.follow({ id, type: 'keep-alive' });
  rig.advance(27);
  assert.deepEqual(rig.link.take(), []);
  rig.advance(4);
  assert.deepEqual(
    rig.link.take().sort(),
    signs.map((sign) => sign.replace('#1', '#2')),
  );
});

test('keep-alives for many sessions are sent together for each requester, up to 128 in a packet', (t) => {
  const rig = serverRig(t);
  for (let i = 0; i < 1_500; i++) rig.stream({ id: `s${i}`, multi: true });
  for (let i = 0; i < 20; i++) rig.stream({ from: 'you', id: `s${i}`, multi: true });
  for (let i = 0; i < 20; i++) rig.stream({ from: 'single', id: `s${i}` });
  rig.link.take();
  rig.advance(32);
  const ids = new Map<string, number>();
  const packets = new Map<string, number>();
  for (const { to, packet } of rig.link.answers) {
    assert.equal(packet.type, 'keep-alive');
    assert.ok(packet.ids.every(({ seq }) => seq === 1));
    assert.ok(packet.ids.length <= 128);
    ids.set(to, (ids.get(to) ?? 0) + packet.ids.length);
    packets.set(to, (packets.get(to) ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(ids), { me: 1_500, you: 20, single: 20 });
  assert.ok((packets.get('me') ?? 0) <= 22, `${packets.get('me')} packets`);
  assert.equal(packets.get('single'), 20);
});

test('a stream or WebSocket whose requester is silent is given up without a packet, counted and logged', (t) => {
  const rig = serverRig(t);
  const stream = rig.stream();
  const webSocket = rig.openWebSocket(0, { id: 'ws' });
  rig.advance(30);
  rig.follow({ type: 'keep-alive' });
  rig.link.take();
  rig.advance(28);
  assert.deepEqual([stream.take(), webSocket.take()], [[], []]);
  rig.advance(3);
  assert.deepEqual([stream.take(), webSocket.take()], [[], ['error HF_CLIENT_GONE']]);
  rig.advance(30);
  assert.deepEqual(stream.take(), ['error HF_CLIENT_GONE']);
  assert.ok(rig.link.take().every((packet) => packet.includes('keep-alive')));
  assert.deepEqual([rig.counters.sessionsExpired, rig.counters.sessionsFailed, rig.counters.sessionsOpen], [2, 2, 0]);
  assert.equal(rig.log.with('request failed')[0]?.fields.detail, 'nothing came from the requester for 60 s');
});

test('a request for one packet needs no keep-alives of the requester', (t) => {
  const rig = serverRig(t);
  rig.first();
  rig.first({ from: '' });
  rig.request();
  rig.advance(599);
  for (const fetch of rig.fetcher.fetches) assert.deepEqual(fetch.take(), []);
  rig.fetcher.fetches[0]?.respond().data('late');
  assert.deepEqual(rig.link.take().slice(-1), ['me a#20 data 200 OK "late"']);
});

test('a request for one packet needs keep-alives until its body is complete', (t) => {
  const rig = serverRig(t);
  rig.first({ method: 'POST', more: true });
  rig.first({ id: 'b', method: 'POST', more: true });
  rig.follow({ id: 'b' });
  rig.advance(62);
  const [gone, sent] = rig.fetcher.fetches;
  assert.deepEqual([gone?.take(), sent?.take()], [['error HF_CLIENT_GONE'], ['data ""']]);
});

test('a request of any kind without bytes for too long fails with session-timeout', (t) => {
  const rig = serverRig(t, { activityTimeout: 100_000, sessionTimeout: 1_000_000 });
  const stream = rig.stream();
  const webSocket = rig.openWebSocket(0, { id: 'ws' });
  rig.first({ id: 'one' });
  rig.first({ from: '' });
  rig.request();
  rig.link.take();
  rig.advance(99);
  // Signs of life and credits are none of a request.
  rig.follow({ type: 'credit', credits: 1 });
  rig.follow({ type: 'keep-alive' });
  rig.advance(3);
  for (const fetch of rig.fetcher.fetches) assert.deepEqual(fetch.take().slice(-1), ['error HF_FETCH_TIMEOUT']);
  assert.deepEqual(rig.link.take().sort(), [
    'me a#1 error session-timeout',
    'me one#1 error session-timeout',
    'me ws#2 error session-timeout',
    'reply r| error session-timeout',
  ]);
  assert.equal(stream.ended && webSocket.ended, true);
  assert.deepEqual([rig.counters.sessionsExpired, rig.counters.sessionsFailed], [0, 5]);
});

test('bytes in either direction are activity', (t) => {
  const rig = serverRig(t, { activityTimeout: 10_000 });
  const stream = rig.stream({ method: 'POST', more: true }).grant(5);
  const webSocket = rig.openWebSocket(100, { id: 'ws' });
  rig.advance(9);
  rig.follow({ body: '0123456789', more: true });
  rig.follow({ id: 'ws', type: 'ping' });
  rig.advance(9);
  stream.grant(1);
  webSocket.pong();
  rig.advance(9);
  stream.respond().data('x', true);
  webSocket.close();
  rig.advance(9);
  rig.follow({ id: 'ws', type: 'close' });
  assert.equal(rig.counters.sessionsFailed, 0);
  rig.advance(3);
  assert.equal(rig.counters.sessionsFailed, 1);
});

test('without a bound a request may be silent for ever', (t) => {
  const rig = serverRig(t, { activityTimeout: Number.POSITIVE_INFINITY });
  rig.request();
  rig.advance(10_000);
  assert.deepEqual(rig.fetcher.last.take(), []);
});

// ---- handoff

test('a session that is handed over waits for its new requester and continues', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ multi: true });
  rig.follow({ type: 'handoff-start' });
  assert.deepEqual(rig.link.take(), ['me a#0 keep-alive multi', 'me a#1 handoff-proceed']);
  fetch.respond().data('while', true).data('waiting', true);
  rig.advance(40);
  assert.deepEqual(rig.link.take(), []);
  rig.follow({ from: 'heir', type: 'keep-alive', seq: 2, credits: 600 });
  assert.deepEqual(rig.link.take(), ['heir a#2 data 200 OK "while" more', 'heir a#3 data "waiting" more']);
  assert.deepEqual(fetch.take(), ['credit 600']);
  // From now on it is the new one's, who has announced nothing.
  rig.advance(31);
  assert.deepEqual(rig.link.take(), ['heir a#4 keep-alive']);
  rig.follow({ seq: 3, type: 'keep-alive' });
  assert.deepEqual(rig.link.take(), ['me a cancel']);
  rig.follow({ from: 'heir', seq: 3, type: 'keep-alive' });
  fetch.data('end');
  assert.deepEqual(rig.link.take(), ['heir a#5 data "end"']);
});

test('the requester that has handed a session over may continue it itself', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  rig.follow({ type: 'handoff-start' });
  rig.follow({ type: 'handoff-proceed' });
  rig.follow({ type: 'credit', credits: 500 });
  rig.link.take();
  assert.deepEqual(fetch.take(), ['credit 500']);
  fetch.respond().data('end');
  assert.deepEqual(rig.link.take(), ['me a#2 data 200 OK "end"']);
});

test('credits are granted before a handoff, and those of the handoff after it', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ method: 'POST', more: true }).grant(10);
  rig.follow({ body: '0123456789abcdef', more: true });
  rig.link.take();
  rig.follow({ type: 'handoff-start' });
  assert.deepEqual(rig.link.take(), ['me a#1 credit +10', 'me a#2 handoff-proceed']);
  fetch.grant(5);
  rig.advance(1);
  assert.deepEqual(rig.link.take(), []);
  rig.follow({ from: 'heir', seq: 3, type: 'keep-alive' });
  assert.deepEqual(rig.link.take(), ['heir a#3 credit +5']);
});

test('only a packet with the right number takes a session over', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  rig.follow({ type: 'handoff-start' });
  rig.link.take();
  for (const seq of [0, 3, null]) rig.follow({ from: 'thief', type: 'keep-alive', seq });
  assert.deepEqual(rig.link.take(), ['thief a cancel', 'thief a cancel', 'thief a cancel']);
  assert.equal(rig.counters.sessionsOpen, 1);
  // From the old one it is a mistake like any other.
  rig.follow({ type: 'keep-alive', seq: 7 });
  assert.deepEqual(rig.link.take(), ['me a#2 cancel']);
  assert.deepEqual(fetch.take(), ['error HF_FETCH_INVALID']);
});

test('the old address selects between two sessions with the same id', (t) => {
  const rig = serverRig(t);
  rig.stream();
  const other = rig.stream({ from: 'you' });
  rig.follow({ type: 'handoff-start' });
  rig.follow({ from: 'you', type: 'handoff-start' });
  rig.link.take();
  rig.follow({ from: 'heir', oldFrom: 'you', seq: 2, type: 'credit', credits: 700 });
  assert.deepEqual(other.take(), ['credit 700']);
  rig.follow({ from: 'heir2', oldFrom: 'nobody', seq: 2, type: 'credit', credits: 7 });
  assert.deepEqual(rig.link.take(), ['heir2 a cancel']);
  rig.follow({ from: 'heir2', seq: 2, type: 'credit', credits: 800 });
  assert.deepEqual(rig.fetcher.fetches[0]?.take(), ['credit 800']);
});

test('a requester with a session of this id cannot take another over, and no requester can without a handoff', (t) => {
  const rig = serverRig(t);
  const mine = rig.stream();
  const theirs = rig.stream({ from: 'heir' });
  rig.link.take();
  rig.follow({ from: 'thief', type: 'credit', credits: 1, seq: 1, oldFrom: 'me' });
  assert.deepEqual(rig.link.take(), ['thief a cancel']);
  rig.follow({ type: 'handoff-start' });
  rig.follow({ from: 'heir', type: 'credit', credits: 500, oldFrom: 'me' });
  assert.deepEqual([mine.take(), theirs.take()], [[], ['credit 500']]);
});

test('a session that ends during a handoff waits for the new requester', (t) => {
  const rig = serverRig(t);
  const done = rig.stream();
  const failed = rig.stream({ id: 'b' });
  for (const id of ['a', 'b']) rig.follow({ id, type: 'handoff-start' });
  done.respond().data('all');
  failed.fail('HF_ORIGIN_CLOSED');
  assert.equal(rig.counters.sessionsOpen, 2);
  rig.link.take();
  rig.follow({ from: 'heir', seq: 2, type: 'keep-alive', credits: 5 });
  rig.follow({ from: 'heir', id: 'b', seq: 2, body: 'more', more: true });
  assert.deepEqual(rig.link.take(), ['heir a#2 data 200 OK "all"', 'heir b#2 error undefined-condition']);
  assert.equal(rig.counters.sessionsOpen, 0);
  assert.deepEqual([done.take(), failed.take()], [[], []]);
});

test('an end without a new requester is given up after the session timeout', (t) => {
  const rig = serverRig(t);
  rig.first();
  rig.follow({ type: 'handoff-start' });
  rig.fetcher.last.respond().data('all');
  rig.link.take();
  rig.advance(62);
  assert.deepEqual(rig.link.take(), []);
  assert.deepEqual([rig.counters.sessionsOpen, rig.counters.sessionsExpired], [0, 0]);
  assert.equal(rig.log.with('request complete').length, 1);
});

test('a waiting end is dropped by a cancel or a stop', async (t) => {
  const rig = serverRig(t);
  for (const id of ['a', 'b']) {
    rig.first({ id });
    rig.follow({ id, type: 'handoff-start' });
    rig.fetcher.last.respond().data('all');
  }
  rig.link.take();
  rig.follow({ type: 'cancel' });
  await rig.engine.stop();
  assert.deepEqual(rig.link.take(), []);
  assert.deepEqual([rig.counters.sessionsOpen, rig.counters.sessionsCancelled, rig.counters.sessionsFailed], [0, 0, 0]);
});

test('a megabyte of packets waits during a handoff, each at least 256 bytes; one more ends the session', (t) => {
  const rig = serverRig(t);
  const packets = MAX_HELD_BYTES / 256;
  const fetch = rig.openWebSocket(1_000, { credits: 10_000 });
  rig.follow({ type: 'handoff-start' });
  rig.link.take();
  for (let i = 0; i < packets; i++) fetch.message('x');
  assert.equal(fetch.ended, false);
  fetch.message('x');
  assert.deepEqual(fetch.take(), ['error HF_CLIENT_STALLED']);
  const last = rig.openWebSocket(1_000, { credits: 10_000 });
  rig.follow({ type: 'handoff-start' });
  for (let i = 0; i < packets; i++) last.message('x');
  last.fail('HF_ORIGIN_CLOSED');
  assert.deepEqual([rig.counters.sessionsOpen, rig.counters.sessionsFailed], [0, 2]);
  assert.equal(rig.engine.held.bytes, 0);
});

test('the head of a response that waits costs what it keeps', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ routerResp: true });
  rig.link.full.add('me');
  fetch.respond({ status: 200, reason: 'OK', headers: ['X', 'y'.repeat(60_000)], bodyLength: -1 });
  fetch.data('hello', true);
  assert.equal(rig.engine.held.bytes, 60_000 + 'XOKhello'.length);
});

test('when all sessions hold too much during handoffs, those that hold the most end', async (t) => {
  const rig = serverRig(t);
  const chunk = Buffer.alloc(65_536);
  const fetches = [];
  for (let i = 0; i < MAX_HELD_TOTAL / 262_144; i++) {
    const fetch = rig.stream({ id: `s${i}`, credits: 262_144 });
    rig.follow({ id: `s${i}`, type: 'handoff-start' });
    fetch.respond();
    // The first one holds less than the others.
    for (let sent = i === 0 ? 1 : 0; sent < 4; sent++) fetch.data(chunk, true);
    fetches.push(fetch);
  }
  await turn();
  const [small] = fetches;
  assert.equal(fetches.filter((fetch) => fetch.ended).length, 0);
  const next = rig.stream({ id: 'next', credits: 262_144 });
  rig.follow({ id: 'next', type: 'handoff-start' });
  next.respond();
  for (let sent = 0; sent < 2; sent++) next.data(chunk, true);
  await turn();
  assert.deepEqual([small?.ended, next.ended], [false, false]);
  assert.equal(fetches.filter((fetch) => fetch.ended).length, MAX_HELD_TOTAL / 262_144 / 4 + 1);
  assert.ok(rig.engine.held.bytes <= (MAX_HELD_TOTAL * 3) / 4);
});

test('a target is granted one window at most, however much the requester grants', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ credits: 2 ** 50 });
  assert.equal(fetch.window, 262_144);
  fetch.respond();
  for (let i = 0; i < 4; i++) fetch.data(Buffer.alloc(32_768), true);
  // What has been passed on may follow again.
  assert.deepEqual(fetch.take(), ['credit 131072']);
  rig.follow({ type: 'handoff-start' });
  for (let i = 0; i < 8; i++) fetch.data(Buffer.alloc(32_768), true);
  assert.deepEqual([fetch.take(), fetch.window], [[], 0]);
  rig.link.take();
  rig.follow({ from: 'heir', seq: 2, type: 'keep-alive' });
  assert.equal(rig.link.take().length, 8);
  assert.deepEqual(fetch.take(), ['credit 262144']);
});

test('small grants are collected until they are worth a packet, or for a tenth of a second', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  for (let i = 0; i < 4; i++) rig.follow({ type: 'credit', credits: 100 });
  assert.deepEqual(fetch.take(), []);
  rig.follow({ type: 'credit', credits: 100 });
  assert.deepEqual(fetch.take(), ['credit 500']);
  rig.follow({ type: 'credit', credits: 1 });
  rig.follow({ type: 'credit', credits: 2 });
  rig.advance(0.2);
  assert.deepEqual(fetch.take(), ['credit 3']);
  const none = rig.stream({ id: 'b', credits: 0 });
  rig.follow({ id: 'b', type: 'credit', credits: 1 });
  assert.deepEqual(none.take(), ['credit 1'], 'without credits of the first packet nothing tells what is small');
});

// ---- what the log says

test('every outcome is logged, without possible secrets', (t) => {
  const rig = serverRig(t);
  const uri = 'https://user:secret@example.com:8443/path?token=secret#secret';
  rig.stream({ uri, method: 'POST' }).respond({ status: 404 }).data('12345');
  rig.stream({ uri }).fail('HF_ORIGIN_TLS', 'expired');
  rig.stream({ uri });
  rig.follow({ type: 'cancel' });
  rig.first({ from: '', id: '', uri });
  rig.fetcher.last.fail('HF_ORIGIN_TRUNCATED');
  rig.first({ uri, method: '' });
  const records = rig.log.records.map(({ level, message, fields: { ms, ...fields } }) => ({
    level,
    message,
    ...fields,
  }));
  const about = { id: 'a', from: 'me', method: 'GET', uri: 'https://example.com:8443/path' };
  const anonymous = { ...about, id: undefined, from: undefined, status: undefined, bytes: 0 };
  const failed = { level: 'warn', message: 'request failed' };
  assert.deepEqual(records, [
    { level: 'info', message: 'request complete', ...about, method: 'POST', status: 404, bytes: 5 },
    {
      ...failed,
      ...about,
      status: undefined,
      bytes: 0,
      code: 'HF_ORIGIN_TLS',
      condition: 'tls-error',
      detail: 'expired',
    },
    {
      level: 'info',
      message: 'request cancelled',
      ...about,
      status: undefined,
      bytes: 0,
      reason: 'the requester sent cancel',
    },
    { ...failed, ...anonymous, code: 'HF_ORIGIN_TRUNCATED', condition: 'undefined-condition', detail: 'a reason' },
    { level: 'warn', message: 'request refused', ...about, method: '', reason: 'no method' },
  ]);
  assert.ok(rig.log.records.slice(0, 4).every(({ fields }) => Number.isInteger(fields.ms)));
});

test('the debug log has the query, but never the password', (t) => {
  const rig = serverRig(t, {}, true);
  rig.stream({ uri: 'https://user:secret@example.com/path?a=b' }).respond().data('');
  assert.equal(rig.log.with('request complete')[0]?.fields.uri, 'https://example.com/path?a=b');
});

test('a quiet request is logged at debug level only, whatever its outcome', (t) => {
  const rig = serverRig(t, {}, true);
  rig.stream({ quiet: true }).respond().data('');
  rig.stream({ quiet: true }).fail('HF_ORIGIN_CLOSED');
  rig.stream({ quiet: true });
  rig.follow({ type: 'cancel' });
  rig.stream({ quiet: true });
  rig.first({ quiet: true });
  assert.equal(rig.log.records.length, 4);
  assert.ok(rig.log.records.every(({ level }) => level === 'debug'));
});

test('no record is built that is not written', (t) => {
  const rig = serverRig(t);
  rig.log.infoEnabled = false;
  rig.stream().respond().data('');
  rig.stream({ quiet: true }).fail('HF_ORIGIN_CLOSED');
  rig.stream().fail('HF_ORIGIN_CLOSED');
  assert.deepEqual(
    rig.log.records.map(({ message }) => message),
    ['request failed'],
  );
});

test('an internal error is logged as one', (t) => {
  const rig = serverRig(t);
  rig.stream().fail('HF_INTERNAL');
  assert.equal(rig.log.records[0]?.level, 'error');
});

// ---- a requester that takes nothing

test('what a requester does not take over the ROUTER socket waits in its session, and its origin is not read', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ routerResp: true, multi: true });
  const other = rig.stream({ id: 'b', from: 'you', routerResp: true });
  rig.link.take();
  rig.link.full.add('me');
  fetch.respond().data('some', true);
  rig.follow({ type: 'credit', credits: 1_000 });
  other.respond().data('all');
  rig.advance(31);
  assert.deepEqual(rig.link.take(), ['router you b#1 data 200 OK "all"']);
  assert.deepEqual(fetch.take(), []);
  fetch.data('end');
  assert.equal(rig.counters.sessionsOpen, 1, 'the session waits for its end to be taken');
  rig.follow({ type: 'credit', credits: 1 });
  rig.link.full.clear();
  rig.advance(0.2);
  assert.deepEqual(rig.link.take(), ['router me a#1 data 200 OK "some" more', 'router me a#2 data "end"']);
  assert.deepEqual([rig.counters.sessionsOpen, rig.counters.sessionsFailed], [0, 0]);
});

test('an origin is read again when its requester takes packets again', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ routerResp: true });
  rig.link.full.add('me');
  fetch.respond().data('some', true);
  rig.follow({ type: 'credit', credits: 700 });
  rig.link.full.clear();
  assert.deepEqual(fetch.take(), []);
  rig.advance(0.2);
  assert.deepEqual(fetch.take(), ['credit 700']);
});

test('a requester that takes nothing for too long is given up, and one that leaves meanwhile', (t) => {
  const rig = serverRig(t);
  rig.link.full.add('me');
  for (const id of ['a', 'b']) {
    rig.first({ id, routerResp: true });
    rig.fetcher.last.respond().data('all');
  }
  assert.equal(rig.counters.sessionsOpen, 2);
  rig.follow({ id: 'a', type: 'cancel' });
  assert.equal(rig.counters.sessionsOpen, 1);
  rig.advance(62);
  assert.deepEqual([rig.counters.sessionsOpen, rig.engine.held.bytes], [0, 0]);
  assert.deepEqual(rig.link.take(), []);
});

test('the cancel for a packet out of sequence waits for a requester that takes nothing, and what waited before is dropped', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ routerResp: true });
  rig.link.take();
  rig.link.full.add('me');
  fetch.respond();
  fetch.data('hello', true);
  rig.follow({ type: 'keep-alive', seq: 7 });
  assert.deepEqual(rig.link.take(), []);
  assert.equal(fetch.take().at(-1), 'error HF_FETCH_INVALID');
  // Nothing that comes now is about this request.
  rig.follow({ type: 'keep-alive', seq: 9 });
  rig.link.full.delete('me');
  rig.advance(1);
  assert.deepEqual(rig.link.take(), ['router me a#1 cancel']);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a packet out of sequence after a handoff ends the session with a cancel, whatever waits', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  rig.follow({ type: 'handoff-start' });
  rig.link.take();
  fetch.respond();
  fetch.data('hello', true);
  rig.follow({ type: 'keep-alive', seq: 7 });
  assert.deepEqual(rig.link.take(), ['me a#2 cancel']);
  assert.equal(rig.counters.sessionsOpen, 0);
});
