import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { MAX_BODY } from '../../../src/zhttp-server/http-server-session.ts';
import { turn } from '../../support/manual-clock.ts';
import { serverRig } from '../../support/zhttp/server-rig.ts';

// ---- packets byte for byte

test('a streamed GET is acknowledged and gets a response as in the reference', async (t) => {
  const rig = serverRig(t);
  rig.firstRaw(
    'T115:4:from,2:me,2:id,2:r1,3:seq,1:0#6:method,3:GET,3:uri,25:http://127.0.0.1:28300/ok,6:stream,4:true!7:credits,4:1000#}',
  );
  assert.deepEqual(rig.link.takeBytes(), ['me T53:4:from,2:zu,2:id,2:r1,3:seq,1:0#4:type,10:keep-alive,}']);
  const headers = ['Content-Length', '5', 'X-A', 'b'];
  rig.fetcher.last.respond({ headers });
  await turn();
  rig.fetcher.last.data('hello');
  assert.deepEqual(rig.link.takeBytes(), [
    'me T127:4:from,2:zu,2:id,2:r1,3:seq,1:1#4:code,3:200#6:reason,2:OK,7:headers,40:22:14:Content-Length,1:5,]10:3:X-A,1:b,]]4:more,4:true!}',
    'me T47:4:from,2:zu,2:id,2:r1,3:seq,1:2#4:body,5:hello,}',
  ]);
});

test('an error is written as in the reference', (t) => {
  const rig = serverRig(t, { address: 'zu1' });
  rig.stream({ id: 'r7', multi: true }).fail('HF_ORIGIN_UNREACHABLE');
  assert.deepEqual(rig.link.takeBytes(), [
    'me T79:4:from,3:zu1,2:id,2:r7,3:seq,1:0#3:ext,15:5:multi,4:true!}4:type,10:keep-alive,}',
    'me T88:4:from,3:zu1,2:id,2:r7,3:seq,1:1#4:type,5:error,9:condition,24:remote-connection-failed,}',
  ]);
});

// ---- the opening

test('the fetcher gets the request of the packet', (t) => {
  const rig = serverRig(t);
  const headers = ['X-A', '1', 'X-A', '2'];
  const { request } = rig.stream({ method: 'PATCH', uri: 'https://u:p@example.com:1/p?q#f', headers, credits: 77 });
  assert.deepEqual(
    { ...request, options: null },
    {
      id: 'a',
      method: 'PATCH',
      uri: 'https://u:p@example.com:1/p?q#f',
      headers,
      bodyLength: 0,
      credits: 77,
      options: null,
    },
  );
});

test('the requester gets an acknowledgement of a whole request, and credits for an incomplete one', (t) => {
  const rig = serverRig(t);
  rig.stream({ id: 'whole', body: 'all' });
  rig.stream({ id: 'begun', method: 'POST', body: 'some', more: true });
  assert.deepEqual(rig.link.take(), ['me whole#0 keep-alive', 'me begun#0 credit +1000']);
});

test('only the acknowledgement offers packets for many sessions, if the requester does', async (t) => {
  const rig = serverRig(t);
  rig.stream({ multi: true }).respond();
  await turn();
  rig.stream({ id: 'b', multi: true, more: true });
  assert.deepEqual(rig.link.take(), [
    'me a#0 keep-alive multi',
    'me a#1 data 200 OK more',
    'me b#0 credit multi +1000',
  ]);
});

// ---- the response

test('a head leaves with the first bytes of body when both come in one turn', async (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  rig.link.take();
  fetch
    .respond({ headers: ['X-A', 'b'] })
    .data('he', true)
    .data('llo', true);
  assert.deepEqual(rig.link.take(), ['me a#1 data 200 OK ["X-A","b"] "he" more', 'me a#2 data "llo" more']);
  await turn();
  fetch.data('');
  assert.deepEqual(rig.link.take(), ['me a#3 data']);
  assert.deepEqual(rig.log.with('request complete').length, 1);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a head leaves alone when the body is not there at the end of the turn', async (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  rig.link.take();
  fetch.respond().data('', true);
  assert.deepEqual(rig.link.take(), []);
  await turn();
  assert.deepEqual(rig.link.take(), ['me a#1 data 200 OK more']);
  fetch.data('body');
  assert.deepEqual(rig.link.take(), ['me a#2 data "body"']);
});

test('a response without a body is one packet', async (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  rig.link.take();
  fetch.respond({ status: 204, reason: '', bodyLength: 0 }).data('');
  await turn();
  assert.deepEqual(rig.link.take(), ['me a#1 data 204']);
});

test('credits of the requester go to the fetcher, whatever packet they come in', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ method: 'POST', more: true, credits: 5 });
  assert.equal(fetch.window, 5);
  rig.follow({ type: 'credit', credits: 10 });
  rig.follow({ type: 'keep-alive', credits: 20 });
  rig.follow({ body: 'x', more: true, credits: 30 });
  rig.follow({ type: 'credit', credits: 0 });
  assert.deepEqual(fetch.take(), ['credit 10', 'credit 20', 'credit 30']);
});

test('user data is in every packet of the session', async (t) => {
  const rig = serverRig(t);
  rig.stream({ userData: '5:1.250^' }).respond();
  await turn();
  rig.fetcher.last.fail('HF_ORIGIN_TRUNCATED');
  assert.deepEqual(rig.link.take(), [
    'me a#0 keep-alive ~5:1.250^',
    'me a#1 data 200 OK more ~5:1.250^',
    'me a#2 error undefined-condition ~5:1.250^',
  ]);
});

test('a request in JSON gets JSON with sorted keys in every packet', async (t) => {
  const rig = serverRig(t);
  const userData = '{"n":[1.5,null,true],"a":"é"}';
  rig.stream({ format: 'J', userData, headers: [] });
  rig.follow({ format: 'T', type: 'keep-alive' });
  rig.fetcher.last.respond({ headers: ['X-A', 'b'] }).data('hi');
  assert.deepEqual(
    rig.link.takeBytes().map((bytes) => Buffer.from(bytes, 'latin1').toString()),
    [
      `me J{"from":"zu","id":"a","seq":0,"type":"keep-alive","user-data":${userData}}`,
      `me J{"body":"hi","code":200,"from":"zu","headers":[["X-A","b"]],"id":"a","reason":"OK","seq":1,"user-data":${userData}}`,
    ],
  );
});

test('shared bytes are passed on like any others, and a new responder continues', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream();
  fetch.respond().payload('shared');
  const heir = fetch.handOver();
  rig.follow({ type: 'credit', credits: 500 });
  assert.deepEqual([fetch.take(), heir.take()], [[], ['credit 500']]);
  heir.data('end');
  assert.deepEqual(rig.link.take().slice(1), ['me a#1 data 200 OK "shared" more', 'me a#2 data "end"']);
});

// ---- the request's body

test('a small body leaves as soon as the fetcher takes it, and is not granted again', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ method: 'POST', body: 'hello' });
  assert.equal(fetch.request.bodyLength, 5);
  assert.deepEqual(fetch.take(), []);
  rig.link.take();
  fetch.grant(3).grant(100);
  assert.deepEqual(fetch.take(), ['data "hel" more', 'data "lo"']);
  rig.advance(1);
  assert.deepEqual(rig.link.take(), []);
});

test('a fetcher that grants before it returns gets the body afterwards', (t) => {
  const rig = serverRig(t);
  rig.fetcher.onFetch = (fetch) => fetch.grant(100);
  const fetch = rig.stream({ method: 'POST', body: 'hello' });
  assert.deepEqual(fetch.take(), ['data "hello"']);
});

test('the requester is granted what the fetcher has taken', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ method: 'POST', body: 'free', more: true });
  assert.equal(fetch.request.bodyLength, UNKNOWN_LENGTH);
  rig.link.take();
  fetch.grant(10);
  rig.follow({ body: 'x'.repeat(600), more: true });
  assert.deepEqual(fetch.take(), ['data "free" more', 'data "xxxxxx" more']);
  // Small grants are collected for a moment; what came for free is no grant at all.
  assert.deepEqual(rig.link.take(), []);
  rig.advance(0.1);
  assert.deepEqual(rig.link.take(), ['me a#1 credit +6']);
  fetch.grant(499);
  assert.deepEqual(rig.link.take(), []);
  fetch.grant(1);
  assert.deepEqual(rig.link.take(), ['me a#2 credit +500']);
  rig.follow({ body: 'end' });
  fetch.grant(1_000);
  assert.deepEqual(fetch.take().slice(-1), ['data "end"']);
  rig.advance(1);
  assert.deepEqual(rig.link.take(), [], 'no credits for what is complete');
});

test('a body may end with an empty packet, which needs no credit', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ method: 'POST', more: true });
  rig.follow({});
  assert.deepEqual(fetch.take(), ['data ""']);
  const empty = rig.stream({ id: 'b', method: 'POST', body: 'x', more: true });
  rig.follow({ id: 'b', more: true });
  rig.follow({ id: 'b' });
  empty.grant(1);
  assert.deepEqual(empty.take(), ['data "x"']);
});

test('a Content-Length is the length of the body, and an empty body is not passed on', (t) => {
  const rig = serverRig(t);
  const known = rig.stream({ method: 'PUT', more: true, headers: ['content-length', '11', 'Content-Length', '11'] });
  assert.equal(known.request.bodyLength, 11);
  const none = rig.stream({ id: 'b', method: 'PUT', more: true, headers: ['Content-Length', '0'] });
  assert.equal(none.request.bodyLength, 0);
  rig.follow({ id: 'b' });
  assert.deepEqual(none.take(), []);
  none.respond().data('');
  assert.deepEqual(rig.link.take().slice(-1), ['me b#1 data 200 OK']);
  const lied = rig.stream({ id: 'c', method: 'PUT', more: true, headers: ['Content-Length', '0'] });
  rig.follow({ id: 'c', body: 'x' });
  assert.deepEqual(lied.take(), ['error HF_FETCH_INVALID']);
  assert.deepEqual(rig.link.take().slice(-1), ['me c#1 error bad-request']);
});

test('the length of a whole body overrides Content-Length', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ method: 'PUT', body: 'abc', headers: ['Content-Length', '7'] });
  assert.equal(fetch.request.bodyLength, 3);
});

test('data after the end of the body is a bad request, and ends the session', (t) => {
  const rig = serverRig(t);
  const whole = rig.stream();
  rig.follow({ body: 'x' });
  assert.deepEqual(whole.take(), ['error HF_FETCH_INVALID']);
  const ended = rig.stream({ id: 'b', method: 'POST', more: true });
  rig.follow({ id: 'b' });
  rig.follow({ id: 'b' });
  assert.deepEqual(ended.take(), ['data ""', 'error HF_FETCH_INVALID']);
  assert.deepEqual(rig.link.take(), [
    'me a#0 keep-alive',
    'me a#1 error bad-request',
    'me b#0 credit +1000',
    'me b#1 error bad-request',
  ]);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a requester that sends more than it was granted is refused; the free first body does not count', (t) => {
  const rig = serverRig(t);
  const within = rig.stream({ method: 'POST', body: 'f'.repeat(5_000), more: true });
  rig.follow({ body: 'x'.repeat(1_000), more: true });
  assert.deepEqual(within.take(), []);
  rig.follow({ body: 'y', more: true });
  assert.deepEqual(within.take(), ['error HF_FETCH_INVALID']);
  assert.deepEqual(rig.link.take(), ['me a#0 credit +1000', 'me a#1 error bad-request']);
  assert.match(String(rig.log.with('request failed')[0]?.fields.detail), /1 bytes more than it was granted/);
});

test('a response that is complete before the request ends the session, and later packets are ignored', (t) => {
  const rig = serverRig(t);
  const fetch = rig.stream({ method: 'POST', more: true });
  fetch.respond({ status: 413, reason: 'No' }).data('');
  rig.follow({ body: 'x', more: true });
  assert.deepEqual(rig.link.take(), ['me a#0 credit +1000', 'me a#1 data 413 No']);
});

// ---- failures

test('each failure has its condition, after the head too', async (t) => {
  const rig = serverRig(t);
  for (const [code, condition] of [
    ['HF_FETCH_INVALID', 'bad-request'],
    ['HF_POLICY_VIOLATION', 'policy-violation'],
    ['HF_ORIGIN_UNREACHABLE', 'remote-connection-failed'],
    ['HF_ORIGIN_CONNECT_TIMEOUT', 'connection-timeout'],
    ['HF_ORIGIN_TLS', 'tls-error'],
    ['HF_TOO_MANY_REDIRECTS', 'too-many-redirects'],
    ['HF_ORIGIN_BODY_TOO_LARGE', 'max-size-exceeded'],
    ['HF_FETCH_TIMEOUT', 'session-timeout'],
    ['HF_FETCH_CONTENT', 'content-not-allowed'],
    ['HF_ORIGIN_CLOSED', 'undefined-condition'],
    ['HF_ORIGIN_PROTOCOL', 'undefined-condition'],
  ] as const) {
    rig.stream({ id: code });
    rig.fetcher.last.fail(code);
    assert.deepEqual(rig.link.take(), [`me ${code}#0 keep-alive`, `me ${code}#1 error ${condition}`]);
  }
  const late = rig.stream().respond();
  await turn();
  late.fail('HF_ORIGIN_TRUNCATED');
  assert.deepEqual(rig.link.take().slice(1), ['me a#1 data 200 OK more', 'me a#2 error undefined-condition']);
  assert.deepEqual([rig.counters.sessionsFailed, rig.counters.sessionsOpen], [12, 0]);
});

test('a fetcher may fail before it has returned', (t) => {
  const rig = serverRig(t);
  rig.fetcher.onFetch = (fetch) => fetch.fail('HF_POLICY_VIOLATION');
  const fetch = rig.stream({ method: 'POST', body: 'x' });
  assert.deepEqual(fetch.take(), []);
  assert.deepEqual(rig.link.take(), ['me a#0 keep-alive', 'me a#1 error policy-violation']);
});

test('a failure in the turn of the head replaces the head', async (t) => {
  const rig = serverRig(t);
  rig.stream().respond().fail('HF_ORIGIN_TRUNCATED');
  await turn();
  assert.deepEqual(rig.link.take(), ['me a#0 keep-alive', 'me a#1 error undefined-condition']);
});

test('WebSocket packets are refused for an HTTP request', (t) => {
  const rig = serverRig(t);
  for (const type of ['ping', 'pong', 'close'] as const) {
    const fetch = rig.stream({ id: type });
    rig.follow({ id: type, type });
    assert.deepEqual(fetch.take(), ['error HF_FETCH_INVALID']);
    assert.deepEqual(rig.link.take().slice(1), [`me ${type}#1 error bad-request`]);
  }
});

// ---- one answer in one packet

test('a request without stream is acknowledged, and gets one packet, whatever its credits', (t) => {
  const rig = serverRig(t);
  rig.first({ credits: 0, userData: '2:hi,' });
  const fetch = rig.fetcher.last;
  rig.follow({ type: 'credit', credits: 1 });
  fetch
    .respond({ headers: ['X-A', 'b'] })
    .data('he', true)
    .data('', true)
    .data('ll', true)
    .data('o');
  // As many bytes as have come are granted again.
  assert.deepEqual(fetch.take(), ['credit 2', 'credit 2']);
  assert.deepEqual(rig.link.take(), ['me a#0 keep-alive ~2:hi,', 'me a#1 data 200 OK ["X-A","b"] "hello" ~2:hi,']);
});

test('the body of a request without stream may be streamed', (t) => {
  const rig = serverRig(t);
  rig.first({ method: 'POST', more: true });
  const fetch = rig.fetcher.last.grant(100);
  rig.follow({ body: 'abc' });
  fetch.respond().data('ok');
  assert.deepEqual(fetch.take(), ['data "abc"']);
  assert.deepEqual(rig.link.take(), ['me a#0 credit +1000', 'me a#1 data 200 OK "ok"']);
});

test('a body fails only when it is larger than one packet may be', (t) => {
  const rig = serverRig(t, { maxBodyBytes: 10 });
  rig.first();
  assert.equal(rig.fetcher.last.window, 11);
  rig.fetcher.last.respond().data('0123', true).data('456789');
  assert.deepEqual(rig.link.take().slice(1), ['me a#1 data 200 OK "0123456789"']);
  rig.first();
  const fetch = rig.fetcher.last.respond();
  fetch.data('0123', true).data('4567890', true);
  assert.deepEqual(fetch.take(), ['credit 4', 'error HF_ORIGIN_BODY_TOO_LARGE']);
  assert.deepEqual(rig.link.take().slice(1), ['me a#1 error undefined-condition']);
});

test('a body larger than the requester allows fails with its condition', (t) => {
  const rig = serverRig(t);
  rig.first({ maxSize: 5 });
  assert.equal(rig.fetcher.last.request.options.maxSize, 5);
  rig.fetcher.last.fail('HF_ORIGIN_BODY_TOO_LARGE');
  assert.deepEqual(rig.link.take().slice(1), ['me a#1 error max-size-exceeded']);
});

test('without a configured bound the size of a packet is the bound', (t) => {
  const rig = serverRig(t, { maxBodyBytes: Number.POSITIVE_INFINITY });
  assert.deepEqual(MAX_BODY, { T: 900_000_000, J: 67_108_864 });
  rig.first({ id: 'b', format: 'J' });
  const fetch = rig.fetcher.last.respond();
  for (let i = 0; i < 1_024; i++) fetch.data(Buffer.alloc(65_536), true);
  fetch.data('x');
  assert.deepEqual(rig.link.take().slice(1), ['me J b#1 error undefined-condition']);
});

// ---- nobody wants to know

test('a request without an address or an id is made without a response', (t) => {
  const rig = serverRig(t, { maxBodyBytes: 10 });
  for (const fields of [{ from: '' }, { id: '' }, { from: '', id: '', stream: true }]) {
    rig.first({ credits: 3, method: 'POST', body: 'hook', ...fields });
    const fetch = rig.fetcher.last.grant(100).respond();
    assert.ok(fetch.window > 1_000_000);
    fetch.data('x'.repeat(1_000), true).data('');
    assert.deepEqual(fetch.take(), ['data "hook"']);
  }
  rig.first({ from: '' });
  rig.fetcher.last.fail('HF_ORIGIN_UNREACHABLE');
  assert.deepEqual(rig.link.take(), []);
  assert.deepEqual(
    [rig.counters.sessions, rig.counters.sessionsOpen, rig.counters.sessionsFailed, rig.counters.packetsSent],
    [4, 0, 1, 0],
  );
  assert.deepEqual([rig.log.with('request complete').length, rig.log.with('request failed').length], [3, 1]);
});

test('requests without an id get names for the log of the fetcher', (t) => {
  const rig = serverRig(t);
  rig.first({ id: '' });
  rig.first({ id: '' });
  assert.deepEqual(
    rig.fetcher.fetches.map(({ request }) => request.id),
    ['#1', '#2'],
  );
});

// ---- req mode

test('a request in req mode gets one packet as in the reference', (t) => {
  const rig = serverRig(t);
  rig.requestRaw('T60:2:id,2:i1,6:method,3:GET,3:uri,25:http://127.0.0.1:28300/ok,}', ['peer', 'hop', '']);
  assert.deepEqual(rig.link.take(), []);
  const headers = ['Content-Length', '5', 'X-A', 'b'];
  rig.fetcher.last.respond({ headers, bodyLength: 5 }).data('hel', true).data('lo');
  const [answer] = rig.link.answers;
  assert.equal(answer?.to, 'reply peer|hop|');
  assert.equal(
    answer?.bytes.toString(),
    'T116:2:id,2:i1,3:seq,1:0#4:code,3:200#6:reason,2:OK,7:headers,40:22:14:Content-Length,1:5,]10:3:X-A,1:b,]]4:body,5:hello,}',
  );
});

test('a response of req mode in JSON equals that of Zurl', (t) => {
  const rig = serverRig(t);
  rig.requestRaw('J{"method":"GET","uri":"http://127.0.0.1/","id":"j"}');
  rig.fetcher.last.respond({ headers: ['Content-Length', '5', 'X-A', 'b'] }).data('hello');
  assert.deepEqual(rig.link.takeBytes(), [
    'J{"body":"hello","code":200,"headers":[["Content-Length","5"],["X-A","b"]],"id":"j","reason":"OK","seq":0}',
  ]);
});

test('a failure of req mode is an error with the id, if there was one', (t) => {
  const rig = serverRig(t);
  rig.request({ id: 'i1', userData: '0:~' });
  rig.fetcher.last.fail('HF_ORIGIN_UNREACHABLE');
  rig.request({}, ['q', '']);
  rig.fetcher.last.fail('HF_ORIGIN_TLS');
  assert.deepEqual(rig.link.take(), ['reply r| i1#0 error remote-connection-failed ~0:~', 'reply q| error tls-error']);
});

test('a request in req mode needs no keep-alives, and its address and stream are ignored', (t) => {
  const rig = serverRig(t, { maxBodyBytes: 10 });
  rig.request({ from: 'me', id: 'a', stream: true, credits: 1, multi: true });
  rig.stream();
  rig.link.take();
  rig.follow({ type: 'cancel' });
  rig.advance(300);
  const [fetch] = rig.fetcher.fetches;
  fetch?.respond().data('late');
  assert.deepEqual(rig.link.take(), ['reply r| a#0 data 200 OK "late"']);
  rig.request();
  rig.fetcher.last.respond().data('12345678901', true);
  assert.deepEqual(rig.link.take(), ['reply r| error undefined-condition']);
});
