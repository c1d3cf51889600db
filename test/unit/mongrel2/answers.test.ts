import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { startSite } from '../../support/mongrel2/site-rig.ts';
import { settled } from '../../support/settled.ts';

const GET = 'GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('a handler gets a request, and its bytes reach the client as they are', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(GET);
  const { uuid, id, path, headers, body } = await handler.next();
  assert.deepEqual([uuid, id, path, body.length], ['SERVER', 1, '/h', 0]);
  assert.equal(headers.get('METHOD'), 'GET');
  assert.equal(headers.get('PATTERN'), '/h');
  assert.equal(headers.get('REMOTE_ADDR'), '127.0.0.1');
  assert.equal(headers.get('x-forwarded-for'), '127.0.0.1');
  handler.answer(id, `${OK}\0\xff`);
  assert.equal(await client.takeBytes(OK.length + 2), `${OK}\0\xff`);
});

test('numbers rise, and requests on one connection have the same', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const first = await rig.ask(handler);
  const second = await rig.ask(handler);
  first.client.write(GET);
  assert.equal((await handler.next()).id, first.id);
  assert.ok(second.id > first.id);
  first.client.reset();
  assert.equal(await handler.nextGone(), first.id);
  const third = await rig.ask(handler);
  assert.ok(third.id > second.id, 'a number is not used again');
});

test('an answer without a body closes the connection, and brings no notice', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  handler.answer(id, OK);
  handler.answer(id, '');
  assert.equal(await client.takeAll(), OK);
  assert.equal(await client.ended, 'fin');
  client.end();
  const other = await rig.ask(handler);
  other.client.reset();
  assert.equal(await handler.nextGone(), other.id, 'no other notice came before');
});

test('a client that leaves brings a notice', async (t) => {
  for (const protocol of ['json', 'tnetstring'] as const) {
    const rig = await startSite(t, { routes: [{ path: '/h', target: handlerOf({ protocol }) }] });
    const handler = await rig.handler();
    const { client, id } = await rig.ask(handler);
    client.end();
    assert.equal(await handler.nextGone(), id);
    const headers = protocol === 'json' ? '17:{"METHOD":"JSON"},' : '16:6:METHOD,4:JSON,}';
    assert.equal(handler.texts.at(-1), `SERVER ${id} @* ${headers}21:{"type":"disconnect"},`);
    assert.equal(rig.counters.clientsOpen, 0);
  }
});

test('all handlers that were given a connection get the notice', async (t) => {
  const targets = [handlerOf(), handlerOf({ name: 'other', sendIdent: 'OTHER' })];
  const rig = await startSite(t, { routes: targets.map((target, i) => ({ path: `/${i}`, target })) });
  const [first, second] = await Promise.all(targets.map((target) => rig.handler(target)));
  assert.ok(first !== undefined && second !== undefined);
  const { client, id } = await rig.ask(first, 'GET /0 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  client.write('GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.equal((await second.next()).id, id);
  client.reset();
  assert.equal(await first.nextGone(), id);
  assert.equal(await second.nextGone(), id);
});

test('connections that are not there, or not any more, bring a notice each', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  handler.answer([77, id, 78], OK);
  assert.equal(await handler.nextGone(), 77);
  assert.equal(await handler.nextGone(), 78);
  assert.equal(await client.takeBytes(OK.length), OK);
  handler.answer(id, '');
  await client.ended;
  handler.answer(id, OK);
  assert.equal(await handler.nextGone(), id);
  assert.equal(rig.counters.answersUnclaimed, 3);
});

test('one answer goes to up to 128 connections; one with more is refused as a whole', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const clients = await Promise.all(Array.from({ length: 129 }, () => rig.ask(handler)));
  const ids = clients.map(({ id }) => id);
  handler.publish(`SERVER ${ids.join(' ').length}:${ids.join(' ')}, never`);
  handler.answer(ids, 'all');
  for (const { client } of clients) assert.equal(await client.takeBytes(3), 'all');
  assert.equal(rig.counters.answersRefused, 1);
  assert.equal(rig.counters.answersReceived, 3);
  const [{ detail }] = rig.log.of('answer of a handler refused') as [{ detail: string }];
  assert.equal(detail, 'more than 128 connection ids');
});

test('any process may answer, whatever it calls the server', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  const stranger = await rig.handler();
  stranger.answer(id, 'from another', 'ANY-uuid-1');
  assert.equal(await client.takeBytes(12), 'from another');
});

test('with recv_ident only answers that begin with it are heard', async (t) => {
  const rig = await startSite(t, { routes: [{ path: '/h', target: handlerOf({ recvIdent: 'SERVER' }) }] });
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  handler.answer(id, 'unheard', 'STRANGER');
  handler.answer(id, 'heard');
  assert.equal(await client.takeBytes(5), 'heard');
});

test('extended answers: keep-alive changes nothing to be seen, cancel closes without a notice', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  handler.control(id, { keepAlive: true, credits: 5 });
  handler.answer(id, OK);
  assert.equal(await client.takeBytes(OK.length), OK);
  handler.control(id, { cancel: true });
  await client.ended;
  handler.control([id, 77], { cancel: true });
  const other = await rig.ask(handler);
  other.client.reset();
  assert.equal(await handler.nextGone(), other.id, 'no notice for the one that was cancelled');
});

for (const [name, body] of [
  ['a key that is not ctl', '22:8:sendfile,9:/etc/file,]'],
  ['credits of the wrong type', '26:3:ctl,16:7:credits,3:abc,}]'],
  ['no tnetstring', 'garbage'],
  ['a tnetstring that is cut off', '5:abc'],
  ['a number of letters', '3:abc#'],
  ['a float', '3:1.5^'],
  ['a length beyond the message', '999999999:x]'],
] as const) {
  test(`an extended answer with ${name} is refused: its clients are closed, with a notice, and the server lives`, async (t) => {
    const rig = await startSite(t);
    const handler = await rig.handler();
    const { client, id } = await rig.ask(handler);
    const other = await rig.ask(handler);
    handler.publish(`SERVER ${`X ${id}`.length}:X ${id}, ${body}`);
    await client.ended;
    assert.equal(await handler.nextGone(), id);
    handler.answer(other.id, OK);
    assert.equal(await other.client.takeBytes(OK.length), OK);
    assert.equal(rig.counters.answersRefused, 1);
    assert.equal(rig.counters.faults, 0);
  });
}

test('a client that takes nothing is cut off at its bound, with a notice; until then all waits', async (t) => {
  const rig = await startSite(t, { unix: true, maxClientBytes: 1_000_000 });
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  client.socket.pause();
  for (let i = 0; i < 9; i++) handler.answer(id, Buffer.alloc(100_000));
  await settled(() => rig.counters.answersReceived);
  assert.equal(rig.counters.clientsOverrun, 0);
  for (let i = 0; i < 12; i++) handler.answer(id, Buffer.alloc(100_000));
  assert.equal(await handler.nextGone(), id);
  client.socket.resume();
  await client.ended;
  assert.equal(rig.counters.clientsOverrun, 1);
  assert.equal(rig.site.held.bytes, 0);
});

test('a burst of small answers, far more than 16, arrives whole', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  const pieces = Array.from({ length: 500 }, (_, i) => `${i} `);
  for (const piece of pieces) handler.answer(id, piece);
  assert.equal(await client.takeBytes(pieces.join('').length), pieces.join(''));
});

test('one answer of any size goes to a client for which nothing waits', async (t) => {
  const rig = await startSite(t, { unix: true, maxClientBytes: 1_000 });
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  client.socket.pause();
  handler.answer(id, Buffer.alloc(3_000_000, 'x'));
  handler.answer(id, '');
  await settled(() => rig.counters.answersReceived);
  client.socket.resume();
  assert.equal((await client.takeAll()).length, 3_000_000);
  assert.equal(rig.counters.clientsOverrun, 0);
});

test('where much waits for all clients together, those with the most are cut off', async (t) => {
  const rig = await startSite(t, { unix: true, maxHeldBytes: 1_000_000 });
  const handler = await rig.handler();
  const [most, least] = [await rig.ask(handler), await rig.ask(handler)];
  for (const { client } of [most, least]) client.socket.pause();
  handler.answer(least.id, Buffer.alloc(300_000, 'x'));
  handler.answer(most.id, Buffer.alloc(1_500_000));
  assert.equal(await handler.nextGone(), most.id);
  least.client.socket.resume();
  assert.equal((await least.client.takeBytes(300_000)).length, 300_000);
  assert.equal(rig.counters.clientsOverrun, 1);
});

test('with download.flow_control handlers get credits for what the client took, and may not exceed them', async (t) => {
  const rig = await startSite(t, { settings: { downloadFlowControl: true } });
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(GET);
  const { id, headers } = await handler.next();
  assert.equal(headers.get('DOWNLOAD_CREDITS'), '102400');
  handler.answer(id, Buffer.alloc(40));
  const credits = await handler.next();
  assert.deepEqual([credits.path, credits.headers.get('DOWNLOAD_CREDITS')], ['@*', '40']);
  assert.equal(credits.body.toString(), '{"type":"credits"}');
  client.write(GET);
  assert.equal((await handler.next()).headers.has('DOWNLOAD_CREDITS'), false, 'only the first request has them');
  handler.answer(id, Buffer.alloc(102_401));
  assert.equal(await handler.nextGone(), id);
  assert.equal(rig.counters.clientsOverrun, 1);
});

test('with download.flow_control each handler gets the credits for its own answers', async (t) => {
  const targets = [handlerOf(), handlerOf({ name: 'other', sendIdent: 'OTHER' })];
  const routes = targets.map((target, i) => ({ path: `/${i}`, target }));
  const rig = await startSite(t, { settings: { downloadFlowControl: true }, routes });
  const [first, second] = await Promise.all(targets.map((target) => rig.handler(target)));
  assert.ok(first !== undefined && second !== undefined);
  const { client, id } = await rig.ask(first, 'GET /0 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  client.write('GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await second.next();
  second.answer(id, Buffer.alloc(40));
  assert.equal((await second.next()).headers.get('DOWNLOAD_CREDITS'), '40');
  first.answer(id, Buffer.alloc(50));
  assert.equal((await first.next()).headers.get('DOWNLOAD_CREDITS'), '50');
});

test('with download.flow_control a handler may write to a socket that has sent no message yet, whose number it guesses', async (t) => {
  const rig = await startSite(t, { settings: { downloadFlowControl: true } });
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write('@h {');
  await settled(() => rig.counters.clientsOpen);
  handler.answer(1, 'hello');
  assert.equal(await client.takeBytes(8), Buffer.from('hello').toString('base64'));
  assert.equal(rig.counters.faults, 0);
});

test('limits.handler_targets says how many connections one answer may name', async (t) => {
  const rig = await startSite(t, { settings: { handlerTargets: 2 } });
  const handler = await rig.handler();
  const { client, id } = await rig.ask(handler);
  handler.answer([id, id, id], 'three');
  handler.answer([id, id], 'two');
  assert.equal(await client.takeBytes(6), 'twotwo');
  assert.equal(rig.counters.answersRefused, 1);
});
