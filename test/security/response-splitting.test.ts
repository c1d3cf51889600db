import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RawClient } from '../support/raw-client.ts';
import { startRecordingOrigin } from '../support/recording-origin.ts';
import { type RunningApp, startApp } from '../support/running-app.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
/** What would be a second response, or a header of the attacker's, if it got to a place of its own. */
const SPLIT = '\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-Evil: 1\r\n\r\npoisoned';

/** Texts that must not get into a head. */
const BAD_TEXTS = [SPLIT, 'a\rb', 'a\nb', 'a\0b'];

/** Texts whose characters become line ends when they are cut down to a byte each. */
const WIDE_TEXTS = ['a\u010a\u010db', '\u560d\u560aX-Evil: 1', 'a\u2028b'];

/** An origin that answers with the instruct that it is given next. */
async function rig(t: TestContext): Promise<{ app: RunningApp; instruct: (value: unknown) => void }> {
  const origin = await startRecordingOrigin(t);
  let next: unknown = null;
  origin.respond = (response) => {
    response.setHeader('Content-Type', 'application/grip-instruct');
    response.end(JSON.stringify(next));
  };
  return {
    app: await startApp(t, [origin.route]),
    instruct: (value) => {
      next = value;
    },
  };
}

/** The answer is one of these, with nothing of the attacker's in its head and nothing behind it. */
async function assertWhole(client: RawClient, statuses: readonly number[]): Promise<void> {
  const response = await client.takeResponse();
  assert.ok(statuses.includes(response.status), response.statusLine);
  assert.equal(response.headers.has('x-evil'), false);
  assert.equal(client.text, '');
}

function describe(text: string): string {
  return JSON.stringify(text.length > 20 ? `${text.slice(0, 20)}…` : text);
}

for (const text of BAD_TEXTS) {
  const heads: Record<string, unknown> = {
    'a value': { headers: { X: text } },
    'a value of a list': { headers: [['X', text]] },
    'a name': { headers: { [`X${text}`]: 'y' } },
    'the reason': { reason: text },
  };
  for (const [where, head] of Object.entries(heads)) {
    test(`${describe(text)} in ${where} of an instruct never splits the response`, async (t) => {
      for (const hold of [undefined, { mode: 'stream', channels: [{ name: 'c' }] }]) {
        const { app, instruct } = await rig(t);
        instruct({ hold, response: { ...(head as object), body: 'body' } });
        const client = await app.connect();
        client.write(GET);
        await assertWhole(client, [502]);
      }
    });

    test(`${describe(text)} in ${where} of a published response is refused whole`, async (t) => {
      const { app, instruct } = await rig(t);
      instruct({ hold: { mode: 'response', channels: [{ name: 'c' }] }, response: { body: 'timeout' } });
      const client = await app.connect();
      client.write(GET);
      await app.log.until('hold');
      const good = { channel: 'c', formats: { 'http-response': { body: 'good' } } };
      const bad = { channel: 'c', formats: { 'http-response': { ...(head as object), body: 'bad' } } };
      const refused = await app.post([good, bad]);
      assert.deepEqual(
        [refused.status, app.counters.itemsPublished, app.app.counters.control.publishesRefused],
        [400, 0, 1],
      );
      assert.equal((await app.post([good])).status, 200);
      assert.equal((await client.takeResponse()).body, 'good');
    });
  }
}

for (const text of WIDE_TEXTS) {
  test(`${describe(text)} is sent in a value as UTF-8, and refused in a name`, async (t) => {
    const { app, instruct } = await rig(t);
    const client = await app.connect();
    instruct({ response: { headers: { X: text }, reason: text, body: 'body' } });
    const response = await client.request(GET);
    const bytes = Buffer.from(text).toString('latin1');
    assert.deepEqual([response.statusLine, response.headers.get('x')], [`HTTP/1.1 200 ${bytes}`, bytes]);
    assert.deepEqual([response.body, response.headers.has('x-evil')], ['body', false]);
    instruct({ response: { headers: { [text]: 'x' }, body: 'body' } });
    client.write(GET);
    await assertWhole(client, [502]);
  });
}

test('fields that frame a message, from an instruct or a publisher, do not frame the response', async (t) => {
  const { app, instruct } = await rig(t);
  const headers = {
    'Content-Length': '3',
    'Transfer-Encoding': 'chunked',
    Connection: 'close',
    'Keep-Alive': 'timeout=1',
    Good: 'yes',
  };
  const client = await app.connect();
  instruct({ response: { headers, body: 'longer than three' } });
  const relayed = await client.request(GET);
  assert.deepEqual([relayed.body, relayed.headers.get('good')], ['longer than three', 'yes']);

  instruct({ hold: { mode: 'response', channels: [{ name: 'c' }] }, response: { headers, body: 'timeout' } });
  client.write(GET);
  await app.log.until('hold');
  await app.post([{ channel: 'c', formats: { 'http-response': { headers, body: 'published and long' } } }]);
  const published = await client.takeResponse();
  assert.deepEqual([published.body, published.headers.get('good')], ['published and long', 'yes']);

  instruct({ hold: { mode: 'stream', channels: [{ name: 's' }] }, response: { headers, body: 'begun' } });
  client.write(GET);
  const stream = await client.takeHead();
  assert.deepEqual([stream.headers.get('transfer-encoding'), stream.headers.get('good')], ['chunked', 'yes']);
  assert.equal(await client.takeChunk(), 'begun');
});

test('statuses that are not final are refused or replaced', async (t) => {
  const { app, instruct } = await rig(t);
  for (const code of [100, 101, 199, 0, -1, 1000, 200.5, '2 00', '200\r\nX-Evil: 1', null, {}, 1e100]) {
    const client = await app.connect();
    instruct({ response: { code, body: 'body' } });
    client.write(GET);
    await assertWhole(client, [502, 200]);
  }
});

test('statuses of published responses are refused or replaced too', async (t) => {
  const { app, instruct } = await rig(t);
  for (const [index, code] of [100, 101, 199, 0, -1, 1000, 200.5, '200\r\nX-Evil: 1', {}].entries()) {
    const channel = `c${index}`;
    instruct({ hold: { mode: 'response', channels: [{ name: channel }] }, response: { body: 'timeout' } });
    const client = await app.connect();
    client.write(GET);
    await app.log.until('hold', index + 1);
    const { status } = await app.post([{ channel, formats: { 'http-response': { code, body: 'x' } } }]);
    // What was refused has not reached the client, which is answered by the next.
    if (status !== 200) await app.post([{ channel, formats: { 'http-response': { body: 'x' } } }]);
    await assertWhole(client, [502, 200]);
  }
});

test('no content of a stream leaves its chunk', async (t) => {
  const { app, instruct } = await rig(t);
  instruct({
    hold: { mode: 'stream', channels: [{ name: 'c' }], 'keep-alive': { content: '0\r\n\r\n', timeout: 20 } },
    response: { body: `0\r\n\r\n${SPLIT}` },
  });
  const client = await app.connect();
  client.write(GET);
  await client.takeHead();
  assert.equal(await client.takeChunk(), `0\r\n\r\n${SPLIT}`);
  await app.publishStream('c', '0\r\n\r\n', `\r\n0\r\n\r\n${SPLIT}`);
  assert.equal(await client.takeChunk(), `0\r\n\r\n\r\n0\r\n\r\n${SPLIT}`);
  await app.post([{ channel: 'c', formats: { 'http-stream': { action: 'close' } } }]);
  assert.equal(await client.takeChunk(), '');
});
