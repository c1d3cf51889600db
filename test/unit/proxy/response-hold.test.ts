import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { httpOrigin, type OriginResponse } from '../../support/http-origin.ts';
import { startApp } from '../../support/running-app.ts';
import { startOrigin } from '../../support/scripted-origin.ts';
import { settled } from '../../support/settled.ts';
import { stoppedClock } from '../hub/support.ts';

/** An answer that holds the request for the channel `a`. */
function hold(headers: Record<string, string> = {}, body: string | Buffer = 'nothing new\n'): OriginResponse {
  return { headers: { 'Grip-Hold': 'response', 'Grip-Channel': 'a', ...headers }, body };
}

function published(channel: string, body: string, fields: object = {}): object {
  return { channel, formats: { 'http-response': { body, ...fields } } };
}

test('A held request gets the first item that is published to its channel', async (t) => {
  const origin = await httpOrigin(t, () => hold());
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = app.send();
  await app.held();
  await app.publish(published('b', 'for another'), published('a', 'first'), published('a', 'second'));
  assert.deepEqual([(await answer).status, (await answer).reason, (await answer).text], [200, 'OK', 'first']);
  assert.equal(app.counters.holdsOpen, 0);
  assert.equal(origin.requests.length, 1);
});

test('Published headers replace those of the origin by name, and the length is that of the published body', async (t) => {
  const fields = { 'Content-Type': 'text/plain', 'X-Kept': '1', 'Set-Cookie': 'a=1', 'Content-Length': '12' };
  const origin = await httpOrigin(t, () => hold(fields));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = app.send();
  await app.held();
  const headers = [
    ['content-type', 'application/json'],
    ['set-cookie', 'b=2'],
    ['Set-Cookie', 'c=3'],
    ['Content-Length', '99'],
    ['Grip-Hold', 'stream'],
  ];
  await app.publish(published('a', '{}', { code: '201', reason: 'Fresh', headers }));
  const { status, reason, text, headers: got } = await answer;
  assert.deepEqual([status, reason, text], [201, 'Fresh', '{}']);
  const ours = ['X-Kept', '1', 'content-type', 'application/json', 'set-cookie', 'b=2', 'Set-Cookie', 'c=3'];
  assert.deepEqual(
    got.filter((_, index) => got[index - (index % 2)] !== 'Date'),
    [...ours, 'Content-Length', '2'],
  );
});

test('A published body may be binary, or a patch of the held one', async (t) => {
  const origin = await httpOrigin(t, () => hold({}, '{"count":1}\n'));
  const app = await startApp(t, [`* ${origin.target}`]);
  const binary = app.send();
  await app.held(1);
  await app.publish({ channel: 'a', 'http-response': { 'body-bin': Buffer.from([0, 255, 1]).toString('base64') } });
  assert.deepEqual([...(await binary).body], [0, 255, 1]);
  const patched = app.send();
  await app.held(2);
  const patch = [{ op: 'replace', path: '/count', value: 2 }];
  await app.publish({ channel: 'a', 'http-response': { 'body-patch': patch } });
  assert.equal((await patched).text, '{"count":2}\n');
});

test('All clients of a channel get their response, those of several channels from any of them', async (t) => {
  const origin = await httpOrigin(t, ({ target }) => hold({ 'Grip-Channel': target.slice(1) }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answers = ['/a', '/a,b', '/b', '/c,%20b'].map((path) => app.send({ path }));
  await app.held(4);
  await app.publish(published('a', 'of a'), published('b', 'of b'));
  const texts = (await Promise.all(answers.slice(0, 3))).map(({ text }) => text);
  assert.deepEqual(texts, ['of a', 'of a', 'of b']);
  await app.publish(published('c', 'of c'));
  assert.equal((await (answers[3] as (typeof answers)[0])).text, 'of c');
});

test('Without an item the response of the origin itself comes after its time, 55 seconds by default', async (t) => {
  const advance = stoppedClock(t);
  const origin = await httpOrigin(t, () => hold({ 'X-Own': '1' }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = app.send();
  await app.held();
  advance(54_900);
  assert.equal(app.counters.holdsOpen, 1);
  advance(400);
  const { status, text, headers } = await answer;
  assert.deepEqual([status, text], [200, 'nothing new\n']);
  assert.equal(headers.includes('X-Own'), true);
  assert.equal(
    headers.some((name) => name.toLowerCase().startsWith('grip-')),
    false,
  );
  assert.equal(app.counters.holdsTimedOut, 1);
  assert.equal(app.counters.holdsOpen, 0);
});

test('Grip-Timeout says when, but not under 5 seconds, and Grip-Status with which status', async (t) => {
  const advance = stoppedClock(t);
  const origin = await httpOrigin(t, () => hold({ 'Grip-Timeout': '1', 'Grip-Status': '304 Nothing new' }, ''));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = app.send();
  await app.held();
  advance(4_900);
  assert.equal(app.counters.holdsOpen, 1);
  advance(400);
  assert.deepEqual([(await answer).status, (await answer).reason], [304, 'Nothing new']);
});

test('Of the fields of the origin only those that it exposes reach the client', async (t) => {
  const fields = { 'X-One': '1', 'X-Two': '2', 'Content-Type': 'text/plain', 'Grip-Expose-Headers': 'x-ONE' };
  const origin = await httpOrigin(t, () => hold(fields));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = app.send();
  await app.held();
  await app.publish(published('a', 'x', { headers: { 'X-Three': '3' } }));
  assert.deepEqual((await answer).headers, ['X-One', '1', 'X-Three', '3', 'Content-Length', '1']);
});

test('The instructions may come as JSON, whose response is sent when the time is over', async (t) => {
  const advance = stoppedClock(t);
  const instruct = {
    hold: { mode: 'response', channels: [{ name: 'a' }, { name: 'b' }], timeout: 20 },
    response: { code: 202, reason: 'Later', headers: { 'X-Own': '1' }, body: 'nothing new' },
  };
  const headers = { 'Content-Type': 'application/grip-instruct', 'X-Lost': '1' };
  const origin = await httpOrigin(t, () => ({ headers, body: JSON.stringify(instruct) }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const first = app.send();
  await app.held(1);
  await app.publish(published('b', 'published'));
  assert.deepEqual([(await first).text, (await first).headers], ['published', ['X-Own', '1', 'Content-Length', '9']]);
  const second = app.send();
  await app.held(2);
  advance(20_300);
  const { status, reason, text, headers: got } = await second;
  assert.deepEqual([status, reason, text, got], [202, 'Later', 'nothing new', ['X-Own', '1', 'Content-Length', '11']]);
});

test('JSON without a hold is the response at once', async (t) => {
  const headers = { 'Content-Type': 'application/grip-instruct' };
  const bodies = { '/full': '{"response":{"code":404,"body":"gone"}}', '/empty': '{}' };
  const origin = await httpOrigin(t, ({ target }) => ({ headers, body: bodies[target as keyof typeof bodies] }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const full = await app.send({ path: '/full' });
  assert.deepEqual([full.status, full.text], [404, 'gone']);
  const empty = await app.send({ path: '/empty' });
  assert.deepEqual([empty.status, empty.text], [200, '']);
});

test('GRIP fields without a hold do not reach the client, and Grip-Status sets the status', async (t) => {
  const origin = await httpOrigin(t, () => ({ headers: { 'Grip-Status': '418', 'X-Own': '1' }, body: 'hello' }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = await app.send();
  assert.deepEqual([answer.status, answer.text, answer.header('grip-status')], [418, 'hello', undefined]);
  assert.equal(answer.header('x-own'), '1');
});

test('A prefix of the route goes in front of the names of its channels', async (t) => {
  const origin = await httpOrigin(t, () => hold());
  const app = await startApp(t, [`*,prefix=own- ${origin.target}`]);
  const answer = app.send();
  await app.held();
  await app.publish(published('a', 'wrong'), published('own-a', 'right'));
  assert.equal((await answer).text, 'right');
});

test('The instructions are understood through every content coding', async (t) => {
  const advance = stoppedClock(t);
  const encoders = {
    gzip: gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    'deflate,': deflateRawSync,
  };
  const origin = await httpOrigin(t, (request) => {
    const coding = request.header('accept-encoding') as keyof typeof encoders;
    return hold({ 'Content-Encoding': coding }, encoders[coding]('nothing new\n'));
  });
  const app = await startApp(t, [`* ${origin.target}`]);
  const answers = Object.keys(encoders).map((coding) => app.send({ headers: { 'Accept-Encoding': coding } }));
  await app.held(4);
  advance(55_300);
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.text, 'nothing new\n');
    assert.equal(answer.header('content-encoding'), undefined);
    assert.equal(answer.header('content-length'), '12');
  }
});

test('A HEAD request gets its response at once', async (t) => {
  const origin = await httpOrigin(t, () => hold({ 'X-Own': '1' }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = await app.send({ method: 'HEAD' });
  assert.deepEqual([answer.status, answer.header('x-own'), answer.header('grip-hold')], [200, '1', undefined]);
  assert.equal(app.counters.holdsStarted, 0);
});

test('The connection of a held request carries the next one, which waits for its turn', async (t) => {
  const origin = await httpOrigin(t, ({ target }) => (target === '/hold' ? hold() : { body: 'next' }));
  const app = await startApp(t, [`* ${origin.target}`]);
  const peer = await app.client.connect(t);
  peer.write('GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n');
  await app.held();
  assert.equal(peer.text, '');
  await app.publish(published('a', 'published'));
  assert.match(await peer.received('published'), /^HTTP\/1\.1 200 OK\r\n/);
  await peer.received('\r\n\r\nnext');
});

test('An HTTP/1.0 client is held and gets its response', async (t) => {
  const origin = await httpOrigin(t, () => hold());
  const app = await startApp(t, [`* ${origin.target}`]);
  const peer = await app.client.connect(t);
  peer.write('GET / HTTP/1.0\r\n\r\n');
  await app.held();
  await app.publish(published('a', 'published'));
  assert.match(await peer.received('published'), /\r\nContent-Length: 9\r\nConnection: close\r\n\r\npublished$/);
});

test('A request may be held before its body is here, which is then taken all the same', async (t) => {
  const scripted = await startOrigin(t);
  const app = await startApp(t, [`* 127.0.0.1:${scripted.origin.port}`]);
  const client = await app.client.connect(t);
  const body = 'x'.repeat(90_000);
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
  const origin = await scripted.accept();
  await origin.received('x'.repeat(10));
  origin.write('HTTP/1.1 200 OK\r\nGrip-Hold: response\r\nGrip-Channel: a\r\nContent-Length: 0\r\n\r\n');
  await app.held();
  client.write(body.slice(10));
  await settled(() => client.socket.writableLength);
  client.write('GET /next HTTP/1.1\r\nHost: a\r\n\r\n');
  await app.publish(published('a', 'published'));
  await client.received('published');
  const next = await scripted.accept();
  assert.match(await next.received(), /^GET \/next /);
});

test('Channels beyond the maximum are ignored, counted and logged', async (t) => {
  const origin = await httpOrigin(t, () => hold({ 'Grip-Channel': 'a, b, c' }));
  const app = await startApp(t, [`* ${origin.target}`], { hub: { connectionSubscriptionMax: 2 } });
  const answer = app.send();
  await app.held();
  await app.publish(published('c', 'wrong'), published('b', 'right'));
  assert.equal((await answer).text, 'right');
  assert.equal(app.counters.subscriptionsDropped, 1);
  assert.equal((await app.log.heard('too many channels for one connection')).dropped, 1);
});
