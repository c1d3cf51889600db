import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fetchHttp } from '../../../src/cli/fetch-http.ts';
import type { FetchOutput } from '../../../src/cli/fetch-output.ts';
import type { Upload } from '../../../src/cli/fetch-packet.ts';
import { RequestPacket } from '../../../src/codec/zhttp/index.ts';
import { Arrivals } from '../../support/zmq/zmq-rig.ts';
import { RequestedFetcher } from './requested-fetcher.ts';

/** Output that takes nothing until the test lets it. */
class Output implements FetchOutput {
  readonly heads: number[] = [];
  readonly bodies = new Arrivals<{ text: string; taken: () => void }>();

  head({ code }: { code: number }): void {
    this.heads.push(code);
  }

  body(bytes: Buffer, taken: () => void): void {
    this.bodies.add({ text: bytes.toString(), taken });
  }
}

async function asking(t: TestContext, upload: Upload | null = null) {
  const asked = await RequestedFetcher.start(t);
  const output = new Output();
  const packet = Object.assign(new RequestPacket(), { method: 'GET', uri: 'http://a/', credits: 10 });
  const status = fetchHttp(asked.requester, packet, upload, output);
  // Whoever waits for the failure comes later.
  status.catch(() => {});
  return { asked, output, status, request: await asked.request() };
}

test('a response is written in pieces, and what was taken is granted again at half of the window', async (t) => {
  const { asked, output, status, request } = await asking(t);
  assert.deepEqual([request.stream, request.more, request.credits], [true, false, 10]);
  await asked.respond({ code: 201, more: true });
  await asked.respond({ body: Buffer.from('hello'), more: true });
  const empty = await output.bodies.next();
  empty.taken();
  const hello = await output.bodies.next();
  assert.deepEqual([output.heads, empty.text, hello.text], [[201], '', 'hello']);
  hello.taken();
  const { type, credits } = await asked.packets.next();
  assert.deepEqual([type, credits], ['credit', 5]);
  await asked.respond({ body: Buffer.from('!') });
  (await output.bodies.next()).taken();
  assert.equal(await status, 201);
});

test('a body of known length is announced, and sent in pieces as credits allow', async (t) => {
  const { asked, output, status, request } = await asking(t, {
    length: 6,
    chunks: ['abc', 'def'].map((text) => Buffer.from(text)),
  });
  assert.deepEqual([request.more, request.headers, request.body.length], [true, ['Content-Length', '6'], 0]);
  await asked.respond({ type: 'credit', credits: 2 });
  const piece = async () => {
    const { body, more } = await asked.packets.next();
    return [body.toString(), more];
  };
  assert.deepEqual(await piece(), ['ab', true]);
  await asked.respond({ type: 'credit', credits: 100 });
  assert.deepEqual(
    [await piece(), await piece(), await piece()],
    [
      ['c', true],
      ['def', true],
      ['', false],
    ],
  );
  await asked.respond({ code: 204 });
  (await output.bodies.next()).taken();
  assert.equal(await status, 204);
});

test('a body of unknown length is not announced, and a response that comes early ends it', async (t) => {
  let isRead = false;
  async function* chunks() {
    yield Buffer.from('first');
    isRead = true;
    yield Buffer.from('second');
  }
  const { asked, output, status, request } = await asking(t, { length: null, chunks: chunks() });
  assert.deepEqual(request.headers, []);
  await asked.respond({ code: 413 });
  (await output.bodies.next()).taken();
  assert.equal(await status, 413);
  assert.deepEqual([isRead, asked.packets.all], [false, []]);
});

test('a body that cannot be read cancels the request', async (t) => {
  // biome-ignore lint/correctness/useYield: it fails before it has anything.
  async function* chunks(): AsyncGenerator<Buffer> {
    throw new Error('disk on fire');
  }
  const { asked, status } = await asking(t, { length: null, chunks: chunks() });
  await assert.rejects(status, { name: 'CliError', message: 'cannot read the data: disk on fire' });
  assert.equal((await asked.packets.next()).type, 'cancel');
});

for (const [fields, message] of [
  [{ type: 'error', condition: 'policy-violation' }, 'policy-violation'],
  [{ type: 'cancel' }, 'the responder cancelled the request'],
] as const) {
  test(`${fields.type} of the responder is a failure, also in the middle of a response`, async (t) => {
    const { asked, output, status } = await asking(t);
    await asked.respond({ code: 200, body: Buffer.from('x'), more: true });
    await output.bodies.next();
    await asked.respond(fields);
    await assert.rejects(status, { name: 'CliError', message });
  });
}

test('lost packets are a failure', async (t) => {
  const { asked, status } = await asking(t);
  await asked.respondAs(7, { code: 200 });
  await assert.rejects(status, { name: 'CliError', message: /^packets were lost/ });
});
