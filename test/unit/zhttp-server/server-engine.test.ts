import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_ZHTTP_LIMITS } from '../../../src/codec/zhttp/index.ts';
import { Guard } from '../../../src/net/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { type PacketFields, type ServerRig, serverRig } from '../../support/zhttp/server-rig.ts';

// ---- first packets that are no request

test('a first packet that is not a request is refused with bad-request, counted and logged', (t) => {
  const rig = serverRig(t);
  const cases: readonly (readonly [PacketFields, string])[] = [
    [{ type: 'keep-alive' }, 'a first packet of type keep-alive'],
    [{ type: 'cancel' }, 'a first packet of type cancel'],
    [{ uri: '' }, 'no uri'],
    [{ uri: 'ftp://example.com/' }, 'the scheme of the uri is not http, https, ws or wss'],
    [{ uri: '/path' }, 'the scheme of the uri is not http, https, ws or wss'],
    [{ uri: 'http:/example.com/' }, 'the scheme of the uri is not http, https, ws or wss'],
    [{ method: '' }, 'no method'],
    [{ more: true, seq: 1 }, 'more with a first seq of 1'],
    [{ more: true, seq: null }, 'more with a first seq that is absent'],
    [{ uri: 'ws://example.com/', seq: 5 }, 'a WebSocket with a first seq of 5'],
    [{ uri: 'wss://example.com/', seq: null }, 'a WebSocket with a first seq that is absent'],
    [{ more: true, headers: ['Content-Length', 'x'] }, 'Content-Length is x'],
    [{ more: true, headers: ['Content-Length', '1', 'Content-Length', '2'] }, 'Content-Length is 1, 2'],
  ];
  for (const [fields, reason] of cases) {
    rig.first({ ...fields, userData: '1:u,' });
    assert.deepEqual(rig.link.take(), ['me a#0 error bad-request ~1:u,'], reason);
    assert.equal(rig.log.with('request refused').at(-1)?.fields.reason, reason);
  }
  assert.deepEqual(rig.fetcher.fetches, []);
  assert.deepEqual(
    [rig.counters.requestsRefused, rig.counters.sessions, rig.counters.packetsSent],
    [cases.length, 0, cases.length],
  );
});

test('a refusal has the format of the request, and comes over the socket that it asks for', (t) => {
  const rig = serverRig(t);
  rig.first({ uri: '', format: 'J' });
  rig.first({ uri: '', routerResp: true });
  assert.deepEqual(rig.link.take(), ['me J a#0 error bad-request', 'router me a#0 error bad-request']);
});

test('a scheme matches in any case', (t) => {
  const rig = serverRig(t);
  rig.first({ uri: 'HTTPS://example.com/' });
  rig.first({ id: 'b', uri: 'Ws://example.com/' });
  assert.deepEqual(
    rig.fetcher.fetches.map(({ webSocket }) => webSocket),
    [false, true],
  );
});

test('a refusal without an address or id is only counted and logged', (t) => {
  const rig = serverRig(t);
  for (const fields of [
    { from: '', uri: '' },
    { id: '', uri: '' },
    // Whoever is to go on, or to be answered in turns, has to be known.
    { from: '', more: true },
    { id: '', more: true },
    { from: '', uri: 'ws://example.com/' },
    { id: '', uri: 'ws://example.com/' },
  ]) {
    rig.first(fields);
  }
  assert.deepEqual(rig.link.take(), []);
  assert.deepEqual(rig.fetcher.fetches, []);
  assert.deepEqual([rig.counters.requestsRefused, rig.log.with('request refused').length], [6, 6]);
});

test('a request in one packet may have any number', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ seq: 7 });
  rig.follow({ type: 'credit', credits: 500 });
  assert.deepEqual(fetch.take(), ['credit 500']);
  const unnumbered = rig.stream({ id: 'b', seq: null });
  rig.follow({ id: 'b', type: 'credit', credits: 1, seq: 0 });
  assert.deepEqual(unnumbered.take(), ['error HF_FETCH_INVALID']);
  assert.deepEqual(rig.link.take(), ['me a#0 keep-alive', 'me b#0 keep-alive', 'me b#1 cancel']);
});

test('a first packet for several sessions, or with an id that is in use, is dropped, counted and logged', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  rig.link.take();
  rig.first();
  rig.first({ type: 'keep-alive' });
  rig.firstRaw('J{"from":"me","id":[{"id":"b","seq":0},{"id":"c","seq":0}],"method":"GET","uri":"http://a/"}');
  assert.deepEqual(rig.link.take(), []);
  assert.deepEqual(fetch.take(), []);
  assert.deepEqual([rig.counters.requestsRefused, rig.fetcher.fetches.length], [3, 1]);
  // The same id of somebody else is another session, and afterwards it may be used again.
  rig.first({ from: 'you' });
  fetch.respond().data('');
  rig.first();
  assert.equal(rig.fetcher.fetches.length, 3);
});

// ---- req mode

test('an invalid request in req mode gets bad-request, with its id if it has one', (t) => {
  const rig = serverRig(t);
  for (const fields of [
    { uri: 'ws://example.com/' },
    { uri: 'wss://example.com/' },
    { more: true },
    { method: '' },
    { uri: '' },
    { type: 'cancel' },
  ] as const) {
    rig.request({ ...fields, id: 'i1' }, ['r', 'hop', '']);
    assert.deepEqual(rig.link.take(), ['reply r|hop| i1#0 error bad-request']);
    rig.request({ ...fields, format: 'J', userData: '1.50' });
    assert.deepEqual(rig.link.take(), ['reply r| J error bad-request ~1.5']);
  }
  rig.requestRaw('J{"id":[{"id":"b"},{"id":"c"}],"method":"GET","uri":"http://a/"}');
  assert.deepEqual(rig.link.take(), ['reply r| J error bad-request']);
  assert.equal(rig.counters.requestsRefused, 13);
});

test('an unreadable request in req mode gets bad-request', (t) => {
  const rig = serverRig(t);
  for (const payload of ['', 'T5:abc', 'T', 'X0:}', 'T3:abc,', 'T-1:}', 'T9999999999:}']) rig.requestRaw(payload);
  assert.deepEqual(
    rig.link.take(),
    Array.from({ length: 7 }, () => 'reply r| error bad-request'),
  );
  rig.requestRaw('J{"id":"i1","method":7}');
  rig.requestRaw('J{"id":[{"id":"b"},{"id":"c"}],"method":7}');
  rig.requestRaw('J{');
  assert.deepEqual(rig.link.take(), [
    'reply r| J i1#0 error bad-request',
    'reply r| J error bad-request',
    'reply r| J error bad-request',
  ]);
  assert.equal(rig.counters.packetsMalformed, 10);
});

// ---- packets that are none

test('a packet that cannot be read is counted and logged, and does no harm', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  rig.link.take();
  const payloads = ['', 'T', 'J', 'X0:}', 'T5:abc', 'T3:abc,', 'J[]', 'J{"id":', 'T9999999999:}', '\0', 'T3:1:a}'];
  for (const payload of payloads) {
    rig.firstRaw(payload);
    rig.followRaw(payload);
  }
  assert.equal(rig.counters.packetsMalformed, 2 * payloads.length);
  assert.equal(rig.log.with('packet of a requester refused').length, 2 * payloads.length);
  assert.deepEqual(fetch.take(), []);
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.packetsReceived, 2 * payloads.length + 1);
});

test('a first packet with an invalid field gets bad-request if it has an address and id', (t) => {
  const rig = serverRig(t);
  rig.firstRaw('J{"from":"me","id":"a","seq":0,"method":"GET","uri":"http://a/","stream":"true"}');
  rig.firstRaw('T46:4:from,2:me,2:id,1:a,3:seq,1:0#7:timeout,2:-1#}');
  rig.firstRaw('J{"from":"me","seq":0,"stream":"true"}');
  rig.firstRaw('J{"id":"a","seq":0,"stream":"true"}');
  assert.deepEqual(rig.link.take(), ['me J a error bad-request', 'me a error bad-request']);
  assert.deepEqual([rig.counters.packetsMalformed, rig.counters.sessions], [4, 0]);
});

test('a further packet with an invalid field ends the sessions that it names', (t) => {
  const rig = serverRig(t);
  const one = rig.stream({ id: 'one' });
  const two = rig.stream({ id: 'two' });
  rig.stream({ id: 'three' });
  rig.link.take();
  rig.followRaw(
    'J{"from":"me","id":[{"id":"one","seq":1},{"id":"two","seq":1},{"id":"nobody","seq":1}],"type":"dance"}',
  );
  assert.deepEqual([one.take(), two.take()], [['error HF_FETCH_INVALID'], ['error HF_FETCH_INVALID']]);
  assert.deepEqual(rig.link.take(), [
    'me one#1 error bad-request',
    'me two#1 error bad-request',
    'me J nobody error bad-request',
  ]);
  assert.equal(rig.counters.sessionsOpen, 1);
});

test('a packet over a limit is refused', (t) => {
  const rig = serverRig(t, { limits: { ...DEFAULT_ZHTTP_LIMITS, maxPacketBytes: 200, maxHeaders: 2 } });
  rig.first({ headers: ['A', '1', 'B', '2'] });
  assert.equal(rig.fetcher.fetches.length, 1);
  rig.link.take();
  rig.first({ id: 'b', headers: ['A', '1', 'B', '2', 'C', '3'] });
  assert.deepEqual(rig.link.take(), ['me b error bad-request']);
  rig.first({ id: 'c', body: 'x'.repeat(200) });
  rig.request({ id: 'd', body: 'x'.repeat(200) });
  assert.deepEqual(rig.link.take(), ['reply r| error bad-request']);
  assert.deepEqual([rig.counters.packetsMalformed, rig.fetcher.fetches.length], [3, 1]);
});

// ---- packets for many sessions, and for none

test('one packet for many sessions reaches each of them that can take it', (t) => {
  const rig = serverRig(t);
  const fetches = ['one', 'two', 'three'].map((id) => rig.stream({ id }));
  rig.link.take();
  rig.followAll(
    [
      ['one', 1],
      ['two', 9],
      ['nobody', 1],
      ['three', 1],
      ['three', 2],
    ],
    { type: 'credit', credits: 500 },
  );
  assert.deepEqual(
    fetches.map((fetch) => fetch.take()),
    [['credit 500'], ['error HF_FETCH_INVALID'], ['credit 500', 'credit 500']],
  );
  assert.deepEqual(rig.link.take(), ['me two#1 cancel', 'me nobody cancel']);
});

test('a cancel for many sessions ends them all', (t) => {
  const rig = serverRig(t);
  for (const id of ['one', 'two', 'three']) rig.stream({ id });
  rig.link.take();
  rig.followAll(
    [
      ['one', 1],
      ['two', 1],
      ['three', 99],
    ],
    { type: 'cancel' },
  );
  assert.deepEqual([rig.counters.sessionsCancelled, rig.counters.sessionsOpen], [3, 0]);
  assert.deepEqual(rig.link.take(), []);
});

test('a packet for an unknown session gets a bare cancel, unless it is an end itself', (t) => {
  const rig = serverRig(t);
  for (const type of ['data', 'credit', 'keep-alive', 'ping', 'close', 'handoff-start'] as const) {
    rig.follow({ type, credits: 1 });
    assert.deepEqual(rig.link.takeBytes(), ['me T25:2:id,1:a,4:type,6:cancel,}']);
  }
  rig.follow({ format: 'J', type: 'keep-alive' });
  assert.deepEqual(rig.link.takeBytes(), ['me J{"id":"a","type":"cancel"}']);
  for (const type of ['cancel', 'error'] as const) rig.follow({ type });
  rig.follow({ from: '' });
  rig.follow({ id: '' });
  rig.followAll([['', 1]], {});
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.packetsUnclaimed, 12);
});

test('a requester that takes packets for many sessions gets one cancel for all unknown ones', (t) => {
  const rig = serverRig(t);
  const refs = Array.from({ length: 128 }, (_, i) => [`s${i}`, 1] as const);
  rig.followAll(refs, { type: 'keep-alive', multi: true });
  const [only] = rig.link.answers;
  assert.equal(rig.link.answers.length, 1);
  assert.deepEqual(
    only?.packet.ids,
    refs.map(([id]) => ({ id, seq: null })),
  );
  rig.link.take();
  rig.followAll(refs, { type: 'keep-alive' });
  assert.equal(rig.link.take().length, 128);
});

test('a packet for a request in req mode, or one without a requester, is for an unknown session', (t) => {
  const rig = serverRig(t);
  rig.request({ from: 'me', id: 'a' });
  rig.first({ from: '', id: 'b' });
  rig.follow({ type: 'keep-alive' });
  rig.follow({ id: 'b', from: '', type: 'cancel' });
  assert.deepEqual(rig.link.take(), ['me a cancel']);
  assert.equal(rig.counters.sessionsOpen, 2);
});

// ---- options

test('options of a request for the connection go to the fetcher', (t) => {
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: true });
  const rig = serverRig(t, { guard, decompress: true });
  rig.first({
    timeout: 500,
    maxSize: 77,
    connectHost: 'other',
    connectPort: 8080,
    trustConnectHost: true,
    ignoreTlsErrors: true,
    followRedirects: true,
    clientCert: 'cert',
    clientKey: 'key',
  });
  assert.deepEqual(rig.fetcher.last.request.options, {
    timeout: 500,
    maxSize: 77,
    connectHost: 'other',
    connectPort: 8080,
    trustConnectHost: true,
    ignoreTlsErrors: true,
    followRedirects: true,
    clientCert: 'cert',
    clientKey: 'key',
    guard,
    decompress: true,
  });
  for (const fields of [{}, { maxSize: 0 }, { timeout: 0 }]) {
    rig.first({ id: 'b', from: '', ...fields });
    const { options } = rig.fetcher.last.request;
    assert.deepEqual([options.maxSize, options.timeout], [fields.maxSize ?? null, fields.timeout ?? null]);
    assert.deepEqual([options.guard, options.decompress, options.followRedirects], [guard, true, false]);
  }
});

test('ignore-policies is followed if it is allowed', (t) => {
  const guard = new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: true });
  const obedient = serverRig(t, { guard });
  const strict = serverRig(t, { guard, obeyIgnorePolicies: false });
  for (const fields of [{}, { maxSize: 7 }]) {
    for (const ask of [
      (rig: ServerRig, ignorePolicies: boolean) => rig.first({ from: '', ignorePolicies, ...fields }),
      (rig: ServerRig, ignorePolicies: boolean) => rig.request({ ignorePolicies, ...fields }),
    ]) {
      ask(obedient, true);
      ask(strict, true);
      assert.equal(obedient.fetcher.last.request.options.guard, null);
      assert.equal(strict.fetcher.last.request.options.guard, guard);
      ask(obedient, false);
      assert.equal(obedient.fetcher.last.request.options.guard, guard);
    }
  }
  obedient.webSocket({ ignorePolicies: true });
  assert.equal(obedient.fetcher.last.request.options.guard, null);
});

test('the bound for whole requests applies to requests without a smaller one', (t) => {
  const rig = serverRig(t, { requestTimeout: 1_000, timeoutCondition: 'connection-timeout' });
  for (const [fields, timeout] of [
    [{}, 1_000],
    [{ maxSize: 1 }, 1_000],
    [{ timeout: 999 }, 999],
    [{ timeout: 1_001 }, 1_000],
  ] as const) {
    rig.request(fields);
    assert.equal(rig.fetcher.last.request.options.timeout, timeout);
  }
  rig.fetcher.last.fail('HF_FETCH_TIMEOUT');
  assert.deepEqual(rig.link.take(), ['reply r| error connection-timeout']);
});

// ---- how much at a time

test('at the maximum of requests no more are read until one has ended', async (t) => {
  const rig = serverRig(t, { maxOpenRequests: 3 });
  rig.stream();
  rig.request();
  assert.equal(rig.link.paused, false);
  rig.first({ from: '' });
  assert.equal(rig.link.paused, true);
  // What is already here is not lost, and further packets come as ever.
  rig.webSocket({ id: 'b' });
  rig.follow({ type: 'keep-alive' });
  assert.equal(rig.counters.sessionsOpen, 4);
  const [first, second] = rig.fetcher.fetches;
  first?.respond().data('');
  await turn();
  assert.equal(rig.link.paused, true);
  second?.respond().data('');
  // Not in the middle of what the fetcher does.
  assert.equal(rig.link.paused, true);
  await turn();
  assert.equal(rig.link.paused, false);
});

// ---- the end

test('a drain begins no request, and lets running ones continue', async (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  rig.link.take();
  rig.engine.drain();
  assert.equal(rig.link.draining, true);
  rig.request({ id: 'i' });
  rig.first({ id: 'b' });
  assert.deepEqual(rig.link.take(), ['reply r| i#0 error undefined-condition', 'me b#0 error undefined-condition']);
  assert.deepEqual([rig.counters.requestsRefused, rig.counters.sessions], [2, 1]);
  let empty = false;
  const whenEmpty = rig.engine.whenEmpty().then(() => {
    empty = true;
  });
  await turn();
  assert.equal(empty, false);
  fetch.respond().data('done');
  await whenEmpty;
  await rig.engine.whenEmpty();
  assert.deepEqual(rig.link.take(), ['me a#1 data 200 OK "done"']);
});

test('a stop tells every requester, with one packet for many sessions where possible, and gives the requests up', async (t) => {
  const rig = serverRig(t);
  for (let i = 0; i < 130; i++) rig.stream({ id: `s${i}`, multi: true });
  rig.webSocket({ id: 'ws', multi: true, from: 'you' }).accept();
  rig.first({ id: 'one' });
  rig.stream({ id: 'u', multi: true, userData: '1:u,' });
  rig.stream({ id: 'r', multi: true, routerResp: true });
  rig.stream({ id: 'j', multi: true, format: 'J' });
  rig.request({ id: 'i' });
  rig.first({ from: '' });
  rig.link.take();
  const whenEmpty = rig.engine.whenEmpty();
  await rig.engine.stop();
  await whenEmpty;
  const answers = rig.link.answers.splice(0);
  const batched = answers.filter(({ packet }) => packet.ids.length > 1);
  assert.deepEqual(
    batched.map(({ to, packet }) => [to, packet.ids.length, packet.ids[0]?.seq, packet.type, packet.condition]),
    [
      ['me', 128, 1, 'error', 'undefined-condition'],
      ['me', 2, 1, 'error', 'undefined-condition'],
    ],
  );
  const single = answers.filter(({ packet }) => packet.ids.length === 1);
  assert.deepEqual(
    single
      .map(({ to, format, packet }) => `${to} ${format} ${packet.ids[0]?.id}#${packet.ids[0]?.seq} ${packet.condition}`)
      .sort(),
    [
      'me J j#1 undefined-condition',
      'me T one#1 undefined-condition',
      'me T u#1 undefined-condition',
      'reply r| T i#0 undefined-condition',
      'router me T r#1 undefined-condition',
      'you T ws#2 undefined-condition',
    ],
  );
  for (const fetch of rig.fetcher.fetches) assert.deepEqual(fetch.take(), ['error HF_DRAINING']);
  assert.deepEqual([rig.link.closed, rig.counters.sessionsOpen], [true, 0]);
});

test('heads that wait for the end of the turn are not sent after the end', async (t) => {
  const rig = serverRig(t);
  rig.stream().respond();
  await rig.engine.stop();
  await turn();
  assert.deepEqual(rig.link.take(), ['me a#0 keep-alive', 'me a#1 error undefined-condition']);
});
