import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { dataIn, eventsIn, lastId, startResumable } from '../support/resumable.ts';
import { eventually } from '../support/running-app.ts';
import { inSeconds, secretToken } from '../support/tokens.ts';

const COOKIE = { headers: { Cookie: 'session=1' } };

test('a client that comes back gets what it has missed, and then what comes, and the origin gets one request', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin({ path: '/chat?room=1' });
  origin.send('a', 'b');
  await client.until('\n\n');
  const [first] = eventsIn(client.text);
  await rig.leave(client);
  origin.send('c');
  const again = await rig.back(first?.id ?? '', { path: '/chat?room=1' });
  await eventually(() => dataIn(again.text).length === 2);
  assert.deepEqual(dataIn(again.text), ['b', 'c']);
  origin.send('d');
  origin.end();
  assert.equal(await again.ended(), true);
  assert.deepEqual(dataIn(again.text), ['b', 'c', 'd']);
  assert.equal(rig.asked.length, 1);
  assert.equal(rig.app.counters.streamsResumed, 1);
});

test('the id may be in the query, beside the other parameters', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin({ path: '/chat?a=1&b=2' });
  origin.send('a', 'b');
  await client.until('\n\n');
  await rig.leave(client);
  const [first] = eventsIn(client.text);
  origin.end();
  for (const path of [`/chat?last_event_id=${first?.id}&a=1&b=2`, `/chat?a=1&last_event_id=${first?.id}&b=2`]) {
    const again = await rig.app.stream({ path });
    assert.equal(await again.ended(), true);
    assert.deepEqual(dataIn(again.text), ['b']);
  }
  assert.equal(rig.asked.length, 1);
});

test('the head tells proxies to pass events on, and names the beginning; cookies and digests are not replayed', async (t) => {
  const rig = await startResumable(t);
  const fields = { 'Set-Cookie': 'a=1', ETag: '"x"', 'Cache-Control': 'no-cache', 'Mcp-Session-Id': 's' };
  const { client, origin } = await rig.begin({ method: 'POST' }, fields);
  assert.equal(client.header('x-accel-buffering'), 'no');
  assert.equal(client.header('cache-control'), 'no-cache, no-transform');
  assert.equal(client.header('set-cookie'), 'a=1');
  assert.equal(client.header('etag'), undefined);
  const beginning = client.header('last-event-id') ?? '';
  await rig.leave(client);
  origin.send('a');
  origin.end();
  const again = await rig.back(beginning);
  assert.equal(await again.ended(), true);
  assert.deepEqual(dataIn(again.text), ['a']);
  assert.equal(again.header('set-cookie'), undefined);
  assert.equal(again.header('mcp-session-id'), 's');
  assert.equal(again.header('cache-control'), 'no-cache, no-transform');
});

test('a stream that began as a POST is resumed by GET, and by POST', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin({ method: 'POST', body: 'question' });
  origin.send('a', 'b');
  await client.until('\n\n');
  await rig.leave(client);
  origin.end();
  const [first] = eventsIn(client.text);
  // Another method is another request.
  const put = rig.back(first?.id ?? '', { method: 'PUT' });
  (await rig.next()).response.writeHead(405).end();
  assert.equal((await put).status, 405);
  for (const options of [{}, { method: 'POST', body: 'question' }]) {
    const again = await rig.back(first?.id ?? '', options);
    assert.equal(await again.ended(), true);
    assert.deepEqual(dataIn(again.text), ['b']);
  }
  assert.equal(rig.asked.length, 2);
});

test('the body of a request that is resumed is read, and counts for nothing', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin({ method: 'POST', body: 'question' });
  origin.send('a');
  await client.until('\n\n');
  const again = await rig.back(client.header('last-event-id') ?? '', { method: 'POST', body: 'x'.repeat(2_000_000) });
  await again.until('\n\n');
  await eventually(() => again.request.writableFinished);
  origin.send('b');
  origin.end();
  assert.equal(await again.ended(), true);
  assert.deepEqual(dataIn(again.text), ['a', 'b']);
});

test('a client that leaves before the first event cannot name the stream: that of a GET is cut', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin();
  origin.response.write(': not an event\n\n');
  await client.until('\n\n');
  client.request.socket?.resetAndDestroy();
  await eventually(() => origin.cut);
  assert.equal(rig.app.counters.streamsOpen, 0);
});

test('after the end a client gets the rest, and one that has all of it a 204', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin();
  origin.send('a');
  origin.response.end(': the end\n\n');
  assert.equal(await client.ended(), true);
  const last = lastId(client.text.replace(': the end\n', ''));
  const again = await rig.back(last);
  assert.equal(again.status, 204);
  const late = await rig.back(client.header('last-event-id') ?? '');
  assert.equal(await late.ended(), true);
  assert.equal(late.text, client.text);
  assert.equal(rig.asked.length, 1);
});

test('a stream whose origin has failed is cut, and who has all of it asks the origin again', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin();
  origin.send('a', 'b');
  await client.until('\n\n');
  origin.response.destroy();
  assert.equal(await client.ended(), false);
  const [first, second] = eventsIn(client.text);
  const again = await rig.back(first?.id ?? '');
  assert.equal(await again.ended(), false);
  assert.deepEqual(dataIn(again.text), ['b']);
  const anew = rig.back(second?.id ?? '');
  await eventually(() => rig.asked.length === 2);
  const request = rig.asked[1];
  assert.equal(request?.request.headers['last-event-id'], second?.id);
  request?.response.end('new');
  assert.equal((await anew).status, 200);
});

test('an id for another URL, and of another client, is unknown: the origin responds', async (t) => {
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin({ ...COOKIE, path: '/a' });
  origin.send('secret', 'secret');
  await client.until('\n\n');
  const [first] = eventsIn(client.text);
  const strangers = [
    { ...COOKIE, path: '/b' },
    { ...COOKIE, path: '/a?x=1' },
    { path: '/a' },
    { path: '/a', headers: { Cookie: 'session=2' } },
    { path: '/a', headers: { Cookie: ['session=1', 'session=2'] } },
    { path: '/a', headers: { ...COOKIE.headers, Authorization: 'Bearer x' } },
    { path: '/a', headers: { ...COOKIE.headers, Host: 'other' } },
  ];
  for (const stranger of strangers) {
    const response = rig.back(first?.id ?? '', stranger);
    (await rig.next()).response.end('from the origin');
    const { text } = await response.then(async (each) => {
      await each.ended();
      return each;
    });
    assert.equal(text, 'from the origin');
  }
  assert.equal(rig.app.counters.resumesUnknown, strangers.length);
  assert.equal(rig.app.counters.resumesForbidden, 4);
  const own = await rig.back(first?.id ?? '', { ...COOKIE, path: '/a' });
  await own.until('\n\n');
  assert.deepEqual(dataIn(own.text), ['secret']);
});

test('forged and malformed ids are unknown', async (t) => {
  const rig = await startResumable(t, '[route.resume]\nshared = true\n');
  const { client, origin } = await rig.begin();
  origin.send('a', 'b');
  await client.until('\n\n');
  const id = lastId(client.text);
  const stream = id.slice(0, 30);
  const forged = [
    ...[
      `${stream}.1`,
      `${stream}.999999`,
      `${stream}.${Number(id.slice(31)) + 1}`,
      `${stream}.${Number(id.slice(31)) - 1}`,
    ],
    ...[
      `${stream.slice(0, -1)}!.0`,
      `${'0'.repeat(8)}${stream.slice(8)}.0`,
      `${stream.slice(0, 8)}${'A'.repeat(22)}.0`,
    ],
    ...['x'.repeat(6_000), `${id}0`, '-1', '1'],
  ];
  for (const each of forged) {
    const response = rig.back(each);
    (await rig.next()).response.end();
    assert.equal((await response).status, 200, each.slice(0, 60));
  }
  // 100 KB are more than a header may have.
  assert.equal((await rig.back('x'.repeat(100_000))).status, 431);
  assert.equal(rig.app.counters.streamsResumed, 0);
});

test('with shared = true one who knows an event id watches along', async (t) => {
  const rig = await startResumable(t, '[route.resume]\nshared = true\n');
  const { client, origin } = await rig.begin(COOKIE);
  origin.send('a');
  await client.until('\n\n');
  const other = await rig.back(client.header('last-event-id') ?? '');
  origin.send('b');
  for (const each of [client, other]) {
    await each.until('\n\n');
    await eventually(() => dataIn(each.text).length === 2);
    assert.deepEqual(dataIn(each.text), ['a', 'b']);
  }
  await rig.leave(client);
  origin.send('c');
  origin.end();
  assert.equal(await other.ended(), true);
  assert.deepEqual(dataIn(other.text), ['a', 'b', 'c']);
  assert.equal(rig.asked.length, 1);
});

test('reauthorize is asked with the new credentials, and decides', async (t) => {
  const questions: (readonly [string | undefined, string | undefined, string | undefined])[] = [];
  const authority = await startOrigin(t, ({ headers, url }, response) => {
    questions.push([url, headers.authorization, String(headers['x-original-uri'])]);
    response.writeHead(headers.authorization === 'Bearer new' ? 204 : 403).end();
  });
  const rig = await startResumable(t, `[route.resume]\nreauthorize = "http://${authority}/may?x=1"\n`);
  const { client, origin } = await rig.begin({ path: '/a', headers: { Authorization: 'Bearer old' } });
  origin.send('a', 'b');
  await client.until('\n\n');
  await rig.leave(client);
  origin.end();
  const [first] = eventsIn(client.text);
  const own = await rig.back(first?.id ?? '', { path: '/a', headers: { Authorization: 'Bearer old' } });
  await own.ended();
  assert.equal(questions.length, 0, 'the same credentials need no question');
  const again = await rig.back(first?.id ?? '', { path: '/a', headers: { Authorization: 'Bearer new' } });
  assert.equal(await again.ended(), true);
  assert.deepEqual(dataIn(again.text), ['b']);
  const bad = rig.back(first?.id ?? '', { path: '/a', headers: { Authorization: 'Bearer bad' } });
  (await rig.next()).response.end('from the origin');
  assert.equal((await bad).status, 200);
  assert.deepEqual(
    questions.map(([url, authorization]) => [url, authorization]),
    [
      ['/may?x=1', 'Bearer new'],
      ['/may?x=1', 'Bearer bad'],
    ],
  );
  assert.match(questions[0]?.[2] ?? '', /^http:\/\/.*\/a$/);
  assert.equal(rig.app.counters.resumesForbidden, 1);
});

test('the guard and the limit of the route apply to each request, and a token must be of the same holder', async (t) => {
  const tables =
    '[route.jwt]\nkey = "secret"\nquery = "token"\nremove_token = true\n[route.resume]\nbind = ["Cookie"]\n';
  const rig = await startResumable(t, tables);
  const token = (sub: string, exp = inSeconds(60)) => secretToken({ iss: 'app', sub, exp }, 'secret');
  const { client, origin } = await rig.begin({ path: '/a', headers: { Authorization: `Bearer ${token('ann')}` } });
  origin.send('a', 'b');
  await client.until('\n\n');
  await rig.leave(client);
  origin.end();
  const id = eventsIn(client.text)[0]?.id ?? '';
  assert.equal((await rig.back(id, { path: '/a' })).status, 401);
  // Another token of the same holder does, in the query too.
  const again = await rig.back(id, { path: `/a?token=${token('ann', inSeconds(120))}` });
  assert.equal(await again.ended(), true);
  assert.deepEqual(dataIn(again.text), ['b']);
  const stranger = rig.back(id, { path: `/a?token=${token('bob')}` });
  (await rig.next()).response.end('from the origin');
  assert.equal((await stranger).status, 200);
  assert.equal(rig.app.counters.resumesForbidden, 1);
});

test('an event of 20 MB passes through a log of 64 KB to who reads, and who comes back for it asks the origin', async (t) => {
  const rig = await startResumable(t, '[route.resume]\nmax_bytes = 65536\n');
  const { client, origin } = await rig.begin();
  origin.send('a');
  await client.until('\n\n');
  const before = lastId(client.text);
  const data = 'x'.repeat(20_000_000);
  origin.send(data);
  origin.end();
  assert.equal(await client.ended(), true);
  assert.equal(rig.app.app.counters.proxy.streamsEvicted, 0);
  const events = eventsIn(client.text);
  assert.deepEqual(
    events.map((event) => event.data.length),
    [1, data.length],
  );
  // What was let go is no part of an answer.
  const again = rig.back(before);
  (await rig.next()).response.end('from the origin');
  assert.equal((await again).status, 200);
  assert.equal((await rig.back(events[1]?.id ?? '')).status, 204);
});

test('a response that is no event stream, or is encoded, passes untouched', async (t) => {
  const rig = await startResumable(t);
  const body = 'id: 1\ndata: a\n\n';
  for (const [status, headers] of [
    [200, { 'Content-Type': 'text/plain' }],
    [200, { 'Content-Type': 'text/event-stream', 'Content-Encoding': 'br' }],
    [500, { 'Content-Type': 'text/event-stream' }],
    [200, { 'Content-Type': 'text/event-streams' }],
  ] as const) {
    const sent = rig.app.send({ headers: { 'Accept-Encoding': 'br' } });
    const { request, response } = await rig.next();
    assert.equal(request.headers['accept-encoding'], 'identity');
    response.writeHead(status, headers).end(body);
    const got = await sent;
    assert.equal(got.text, body);
    assert.equal(got.header('x-accel-buffering'), undefined);
    assert.equal(got.header('last-event-id'), undefined);
  }
  assert.equal(rig.app.counters.streamsStarted, 0);
  for (const type of ['Text/Event-Stream; charset=utf-8', 'text/event-stream;charset=utf-8']) {
    const sent = rig.app.send();
    const { response } = await rig.next();
    response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-transform', 'Content-Length': body.length });
    response.end(body);
    assert.deepEqual(dataIn((await sent).text), ['a']);
  }
  assert.equal(rig.app.counters.streamsStarted, 2);
});

test('a GRIP stream is held as ever', async (t) => {
  const rig = await startResumable(t);
  const sent = rig.app.stream();
  const { response } = await rig.next();
  const grip = { 'Grip-Hold': 'stream', 'Grip-Channel': 'a', 'Content-Type': 'text/event-stream' };
  response.writeHead(200, grip).end('data: open\n\n');
  const client = await sent;
  await client.until('data: open\n\n');
  await rig.app.publishStream('a', 'data: item\n\n');
  await client.until('data: open\n\ndata: item\n\n');
  assert.equal(rig.app.counters.streamsStarted, 0);
});

test('the access log says that a request was resumed', async (t) => {
  const lines: string[] = [];
  const rig = await startResumable(t);
  const { client, origin } = await rig.begin();
  origin.send('a', 'b');
  origin.end();
  await client.ended();
  const again = await rig.back(eventsIn(client.text)[0]?.id ?? '');
  await again.ended();
  for (const { fields } of rig.app.log.with('request')) lines.push(String(fields.outcome));
  assert.deepEqual(lines, ['200', 'resumed']);
});
