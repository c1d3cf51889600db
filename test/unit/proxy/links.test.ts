import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { httpOrigin, type OriginRequest, type OriginResponse } from '../../support/http-origin.ts';
import { type Changes, eventually, type RunningApp, startApp } from '../../support/running-app.ts';

const GET = 'GET /events?a=1 HTTP/1.1\r\nHost: app.example\r\nCookie: secret=1\r\n\r\n';

function stream(headers: Record<string, string>, body = ''): OriginResponse {
  return { headers: { 'Grip-Hold': 'stream', ...headers }, body };
}

function item(id: string, prevId: string, content = `${id},`): object {
  return { channel: 'a', id, 'prev-id': prevId, formats: { 'http-stream': { content } } };
}

async function started(
  t: TestContext,
  answer: (request: OriginRequest, number: number) => OriginResponse,
  route = '*',
  changes: Changes = {},
) {
  let number = 0;
  const origin = await httpOrigin(t, (request) => answer(request, ++number));
  const app = await startApp(t, [`${route} ${origin.target}`], changes);
  return { app, origin };
}

async function opened(t: TestContext, app: RunningApp) {
  const client = await app.client.connect(t);
  client.write(GET);
  return client;
}

test('A gap in a stream is filled by its next link, and nothing comes twice', async (t) => {
  const { app, origin } = await started(t, (_, number) =>
    number === 1
      ? stream({ 'Grip-Channel': 'a; prev-id=1', 'Grip-Link': '</more?from=1>; rel=next' }, 'begin\n')
      : stream({ 'Grip-Channel': 'a; prev-id=4', 'Grip-Link': '</more>; rel=next' }, '2,3,4,'),
  );
  const client = await opened(t, app);
  await client.received('begin\n\r\n');
  await app.publish(item('4', '3'));
  assert.match(await client.received('2,3,4,\r\n'), /2,3,4,/);
  const [, second] = origin.requests;
  assert.deepEqual([second?.method, second?.target], ['GET', '/more?from=1']);
  assert.deepEqual(second?.all('grip-last'), ['a; last-id=1']);
  assert.equal(second?.header('cookie'), undefined, "the client's own fields do not go with a link");
  assert.equal(second?.header('host'), 'app.example');
  assert.match(second?.header('grip-feature') ?? '', /link:next/);
  await app.publish(item('5', '4'));
  assert.match(await client.received('5,\r\n'), /^2\r\n5,/);
  assert.equal(origin.requests.length, 2);
});

test('A channel whose last id is not the one that the origin named is fetched at once', async (t) => {
  const { app, origin } = await started(t, (request) =>
    request.target === '/next'
      ? stream({ 'Grip-Channel': 'a; prev-id=2' }, 'two')
      : stream({ 'Grip-Channel': 'a; prev-id=1', 'Grip-Link': '</next>; rel=next' }, 'one'),
  );
  const first = await opened(t, app);
  await first.received('one\r\n');
  await app.publish(item('2', '1'));
  await first.received('2,\r\n');
  const second = await opened(t, app);
  await second.received('two\r\n');
  assert.equal(origin.requests.length, 3);
});

test('A response without a hold goes on with its next link, and ends with the last one', async (t) => {
  const { app, origin } = await started(t, ({ target }): OriginResponse => {
    if (target === '/2') return { body: 'two,', headers: { 'Grip-Link': '</3>; rel=next' } };
    if (target === '/3') return { body: 'three' };
    return { body: 'one,', headers: { 'Grip-Link': '<2>; rel=next', 'Content-Type': 'text/plain' } };
  });
  const response = await app.send({ path: '/1' });
  assert.equal(String(response.body), 'one,two,three');
  assert.equal(origin.requests.length, 3);
  assert.equal(app.counters.holdsOpen, 0);
});

test('A link that leads to itself ends', async (t) => {
  const { app, origin } = await started(t, () => ({ body: 'x', headers: { 'Grip-Link': '</>; rel=next' } }));
  const response = await app.send({ path: '/' });
  assert.equal(response.body.length, 1_001);
  assert.equal(origin.requests.length, 1_001);
});

test('A large response of a link passes as it comes', async (t) => {
  const body = 'x'.repeat(1_000_000);
  const { app } = await started(t, ({ target }) =>
    target === '/2' ? { body } : { headers: { 'Grip-Link': '</2>; rel=next' } },
  );
  assert.equal((await app.send({ path: '/1' })).body.length, body.length);
});

test('A large initial body without a hold goes on with its next link', async (t) => {
  const body = 'x'.repeat(1_000_000);
  const { app } = await started(t, ({ target }) =>
    target === '/2' ? { body: 'end' } : { body, headers: { 'Grip-Link': '</2>; rel=next' } },
  );
  assert.equal(String((await app.send({ path: '/1' })).body), `${body}end`);
});

test('A large initial body with only a gone link is refused', async (t) => {
  const { app } = await started(t, () => ({ body: 'x'.repeat(200_000), headers: { 'Grip-Link': '</2>; rel=gone' } }));
  assert.equal((await app.send({ path: '/1' })).status, 502);
});

test('A hint makes the streams of its channel follow their links', async (t) => {
  const { app } = await started(t, ({ target }) =>
    target === '/next'
      ? { body: 'last' }
      : stream({ 'Grip-Channel': 'a', 'Grip-Link': '</next>; rel=next; timeout=1000' }, 'begin'),
  );
  const client = await opened(t, app);
  await client.received('begin\r\n');
  await app.publish({ channel: 'a', formats: { 'http-stream': { action: 'hint' } } });
  await client.received('last\r\n0\r\n\r\n');
});

test('A position without a next link ends the stream after its initial body, with the reason in debug mode', async (t) => {
  const answer = stream({ 'Grip-Channel': 'a; prev-id=1' }, 'begin');
  const plain = await started(t, () => answer);
  assert.equal(String((await plain.app.send()).body), 'begin');
  const debug = await started(t, () => answer, '*,debug');
  const text = "begin\n\nchannel 'a' specifies prev-id, but no next link found\n";
  assert.equal(String((await debug.app.send()).body), text);
});

test('A response hold of a link is a failure, and so is a status that is not 2xx', async (t) => {
  const answers: OriginResponse[] = [
    { status: 500 },
    { headers: { 'Grip-Hold': 'response', 'Grip-Channel': 'a' } },
    { body: 'end' },
  ];
  t.mock.method(Math, 'random', () => 0);
  const { app, origin } = await started(t, ({ target }) =>
    target === '/next' ? (answers.shift() as OriginResponse) : { headers: { 'Grip-Link': '</next>; rel=next' } },
  );
  assert.equal(String((await app.send({ path: '/' })).body), 'end');
  assert.equal(origin.requests.length, 4);
});

test('Names of channels in Grip-Last are without the prefix of the route', async (t) => {
  const { app, origin } = await started(
    t,
    ({ target }) =>
      target === '/next'
        ? { body: 'end' }
        : stream({ 'Grip-Channel': 'a; prev-id=1', 'Grip-Link': '</next>; rel=next' }, 'begin'),
    '*,prefix=p-',
  );
  const client = await opened(t, app);
  await client.received('begin\r\n');
  await app.publish({ ...item('9', '8'), channel: 'p-a' });
  await client.received('end\r\n0\r\n\r\n');
  assert.deepEqual(origin.requests[1]?.all('grip-last'), ['a; last-id=1']);
});

test('A link to another host goes there, signed, and without the fields that the route sets', async (t) => {
  const other = await httpOrigin(t, () => ({ body: 'from there' }));
  const { app } = await started(
    t,
    () => ({ headers: { 'Grip-Link': `<http://${other.target}/x>; rel=next` } }),
    '*,sig_key=changeme,header=X-Own:secret',
  );
  assert.equal(String((await app.send({ path: '/' })).body), 'from there');
  const [request] = other.requests;
  assert.deepEqual(
    [request?.target, request?.header('host'), request?.header('x-own')],
    ['/x', other.target, undefined],
  );
  assert.notEqual(request?.header('grip-sig'), undefined);
});

test('A gone link is posted when a held client leaves, and when a held response was sent', async (t) => {
  const { app, origin } = await started(t, ({ target }) => {
    const hold = target === '/response' ? 'response' : 'stream';
    return {
      headers: { 'Grip-Hold': hold, 'Grip-Channel': 'a', 'Grip-Link': `</gone?${hold}>; rel=gone` },
      body: 'begin',
    };
  });
  const client = await opened(t, app);
  await client.received('begin\r\n');
  client.reset();
  const gone = await origin.request(2);
  assert.deepEqual([gone.method, gone.target, gone.body.length], ['POST', '/gone?stream', 0]);
  const answered = app.send({ path: '/response' });
  await app.held(2);
  await app.publish({ channel: 'a', formats: { 'http-response': { body: 'now' } } });
  assert.equal(String((await answered).body), 'now');
  assert.equal((await origin.request(4)).target, '/gone?response');
  await eventually(() => app.counters.holdsOpen === 0);
});
