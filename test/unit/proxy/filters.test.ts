import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { httpOrigin, type OriginRequest, type OriginResponse } from '../../support/http-origin.ts';
import { startApp } from '../../support/running-app.ts';

function get(user: string, path = '/'): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\nX-User: ${user}\r\n\r\n`;
}

async function started(t: TestContext, answer: (request: OriginRequest) => OriginResponse, route = '*') {
  const origin = await httpOrigin(t, answer);
  return startApp(t, [`${route} ${origin.target}`]);
}

function held(mode: string, channel: string, meta: (user: string) => string, body = 'begin') {
  return (request: OriginRequest): OriginResponse => ({
    headers: {
      'Grip-Hold': mode,
      'Grip-Channel': channel,
      'Grip-Set-Meta': meta(request.header('x-user') ?? ''),
    },
    body,
  });
}

test('An item skips its sender, and reaches the others', async (t) => {
  const app = await started(
    t,
    held('stream', 'a; filter=skip-self', (user) => `user=${user}`),
  );
  const [me, you] = [await app.client.connect(t), await app.client.connect(t)];
  me.write(get('me'));
  you.write(get('you'));
  await me.received('begin\r\n');
  await you.received('begin\r\n');
  await app.publish(
    { channel: 'a', meta: { sender: 'me' }, formats: { 'http-stream': { content: 'one' } } },
    { channel: 'a', formats: { 'http-stream': { content: 'two' } } },
  );
  assert.equal(await you.received('two\r\n'), '3\r\none\r\n3\r\ntwo\r\n');
  assert.equal(await me.received('two\r\n'), '3\r\ntwo\r\n');
});

for (const route of ['*', '*,debug'])
  test(`Each client gets its own content, and one without filters gets no item that counts on them (${route})`, async (t) => {
    const app = await started(
      t,
      (request) =>
        held('stream', request.target === '/plain' ? 'a' : 'a; filter=var-subst', (user) => `name=${user}`)(request),
      route,
    );
    const [me, plain] = [await app.client.connect(t), await app.client.connect(t)];
    me.write(get('me'));
    plain.write(get('me', '/plain'));
    await me.received('begin\r\n');
    await plain.received('begin\r\n');
    await app.publish(
      { channel: 'a', formats: { 'http-stream': { content: '%(none)s' } } },
      { channel: 'a', formats: { 'http-stream': { content: '<%(name)s>', 'content-filters': ['var-subst'] } } },
    );
    assert.equal(await me.received('>\r\n'), '4\r\n<me>\r\n');
    await app.publish({ channel: 'a', formats: { 'http-stream': { content: 'end', 'content-filters': [] } } });
    assert.equal(await plain.received('end\r\n'), '8\r\n%(none)s\r\n3\r\nend\r\n');
    assert.equal(app.counters.filterErrors, 1);
  });

test('A held response skips an item that its filters drop or cannot be applied to, and takes the next', async (t) => {
  const app = await started(
    t,
    held('response', 'a; filter=skip-self; filter=var-subst', () => 'user=me, name=Zed'),
  );
  const answered = app.send();
  await app.held();
  const respond = (body: string, meta = {}) => ({ channel: 'a', meta, formats: { 'http-response': { body } } });
  await app.publish(respond('mine', { sender: 'me' }), respond('%(none)s'), respond('for %(name)s'));
  const response = await answered;
  assert.equal(String(response.body), 'for Zed');
  assert.equal(response.header('content-length'), '7');
});

test('An id is built into the initial body, and into an item from the position before it', async (t) => {
  const headers = {
    'Grip-Hold': 'stream',
    'Grip-Channel': 'a; prev-id=7; filter=build-id',
    'Grip-Set-Meta': 'id_format="%(a)s"',
    'Grip-Link': '</next>; rel=next',
  };
  const app = await started(t, () => ({ headers, body: 'begin %I\n' }));
  const client = await app.client.connect(t);
  client.write(get('me'));
  await client.received('begin 7\n\r\n');
  await app.publish({ channel: 'a', id: '8', 'prev-id': '7', formats: { 'http-stream': { content: 'id %I\n' } } });
  assert.equal(await client.received('id 7\n\r\n'), '5\r\nid 7\n\r\n');
});

test('An id that cannot be built ends the stream after its head, with the reason in debug mode', async (t) => {
  const answer = held('stream', 'a; filter=build-id', () => 'id_format=x, id_encoding=base64', 'begin %I');
  const text = '\n\nfilter error: build-id: unsupported encoding: base64\n';
  for (const [route, body] of [
    ['*', ''],
    ['*,debug', text],
  ] as const) {
    const app = await started(t, answer, route);
    const response = await app.send();
    assert.deepEqual([response.status, String(response.body)], [200, body]);
  }
});

test('The filters of a response without a hold apply to its body, also where a next link follows', async (t) => {
  for (const link of ['</gone>; rel=gone', '</next>; rel=next']) {
    const headers = {
      'Grip-Channel': 'a; prev-id=7; filter=build-id',
      'Grip-Set-Meta': 'id_format="%(a)s", id_encoding=hex',
      'Grip-Link': link,
    };
    const app = await started(t, ({ target }) =>
      target === '/next' ? { body: 'end' } : { headers, body: '%I %(x)I; ' },
    );
    const response = await app.send();
    assert.equal(String(response.body), `37 78; ${link.includes('next') ? 'end' : ''}`);
  }
});

test('A filter that cannot be applied to a response without a hold makes it a 502', async (t) => {
  const headers = { 'Grip-Channel': 'a; filter=build-id', 'Grip-Set-Meta': 'id_format=x' };
  const app = await started(t, () => ({ headers, body: '100%' }), '*,debug');
  const response = await app.send();
  assert.equal(response.status, 502);
  assert.match(String(response.body), /Failed to parse accept instructions: filter error: build-id: /);
});
