import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fetchWebSocket } from '../../../src/cli/fetch-websocket.ts';
import { RequestPacket, type ResponsePacket } from '../../../src/codec/zhttp/index.ts';
import { fakeTimers } from '../../support/fake-timers.ts';
import { RequestedFetcher } from './requested-fetcher.ts';

const LINGER = 2000;

async function opening(t: TestContext) {
  const asked = await RequestedFetcher.start(t);
  const input = new PassThrough();
  const written: string[] = [];
  const output = {
    head: ({ code }: ResponsePacket) => written.push(`head ${code}`),
    body: (bytes: Buffer, taken: () => void) => {
      written.push(bytes.toString());
      taken();
    },
  };
  const packet = Object.assign(new RequestPacket(), { uri: 'ws://a/', credits: 8 });
  const over = fetchWebSocket(asked.requester, packet, input, output, LINGER);
  // Whoever waits for the failure comes later.
  over.catch(() => {});
  await asked.request();
  const next = async () => {
    const { type, body, more, code, credits, contentType } = await asked.packets.next();
    return { type, body: body.toString(), more, code, credits, contentType };
  };
  return { asked, input, written, over, next };
}

const sent = { type: 'data', body: '', more: false, code: 0, credits: 0, contentType: '' };

test('lines are sent as messages and messages are written as lines, for some time after the input has ended too', async (t) => {
  const { asked, input, written, over, next } = await opening(t);
  const timers = fakeTimers(t, ['setTimeout']);
  await asked.respond({ code: 101, credits: 100 });
  input.write('hello\nwor');
  input.write('ld\n');
  assert.deepEqual(await next(), { ...sent, body: 'hello', contentType: 'text' });
  assert.deepEqual(await next(), { ...sent, body: 'world', contentType: 'text' });
  await asked.respond({ body: Buffer.from('two '), more: true });
  assert.deepEqual(await next(), { ...sent, type: 'credit', credits: 4 });
  await asked.respond({ body: Buffer.from('parts') });
  assert.deepEqual(await next(), { ...sent, type: 'credit', credits: 5 });
  await asked.respond({});
  input.end('last');
  assert.deepEqual(await next(), { ...sent, body: 'last', contentType: 'text' });
  timers.tick(LINGER - 1);
  await asked.respond({ body: Buffer.from('in time') });
  assert.deepEqual(await next(), { ...sent, type: 'credit', credits: 7 });
  timers.tick(1);
  assert.deepEqual(await next(), { ...sent, type: 'close', code: 1000 });
  await asked.respond({ type: 'close', code: 1000 });
  await over;
  assert.deepEqual(written, ['head 101', 'two ', 'parts\n', '\n', 'in time\n']);
});

test('a message is sent in pieces as credits allow, and an empty line needs none', async (t) => {
  const { asked, input, over, next } = await opening(t);
  await asked.respond({ code: 101, credits: 2 });
  input.write('abc\n\n');
  assert.deepEqual(await next(), { ...sent, body: 'ab', more: true, contentType: 'text' });
  await asked.respond({ type: 'credit', credits: 1 });
  assert.deepEqual(await next(), { ...sent, body: 'c', contentType: 'text' });
  assert.deepEqual(await next(), { ...sent, contentType: 'text' });
  await asked.respond({ type: 'close', code: 1001 });
  assert.deepEqual(await next(), { ...sent, type: 'close', code: 1001 });
  await over;
});

test('pings get pongs with their data, which is granted again', async (t) => {
  const { asked, next } = await opening(t);
  await asked.respond({ code: 101 });
  await asked.respond({ type: 'ping', body: Buffer.from('pp') });
  assert.deepEqual(await next(), { ...sent, type: 'pong', body: 'pp', credits: 2 });
});

for (const [fields, message, written] of [
  [{ type: 'error', condition: 'tls-error' }, 'tls-error', []],
  [{ type: 'cancel' }, 'the responder cancelled the request', []],
  [
    { type: 'error', condition: 'rejected', code: 403, reason: 'Forbidden', body: Buffer.from('no') },
    'rejected: the origin responded with 403 Forbidden',
    ['head 403', 'no'],
  ],
] as const) {
  test(`${message}: the WebSocket cannot be opened`, async (t) => {
    const { asked, over, written: actual } = await opening(t);
    await asked.respond(fields);
    await assert.rejects(over, { name: 'CliError', message });
    assert.deepEqual(actual, written);
  });
}

test('a close code other than 1000 and 1001 is a failure, with its reason', async (t) => {
  const { asked, over } = await opening(t);
  await asked.respond({ code: 101 });
  await asked.respond({ type: 'close', code: 1011, body: Buffer.from('sorry') });
  await assert.rejects(over, { name: 'CliError', message: 'closed with 1011 sorry' });
});

test('a close without a code is a success', async (t) => {
  const { asked, over } = await opening(t);
  await asked.respond({ code: 101 });
  await asked.respond({ type: 'close' });
  await over;
});
