import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { connect, headers } from '@nats-io/transport-node';
import { cursorIn, dataOf, got, startKeeping } from '../support/history/kept-channels.ts';
import { type NatsServer, startNats } from '../support/nats.ts';
import { eventually, type RunningApp } from '../support/running-app.ts';

/** What begins with the version of the protocol. */
function message(outline: unknown, contents = ''): Buffer {
  const text = Buffer.from(typeof outline === 'string' ? outline : JSON.stringify(outline));
  const head = Buffer.alloc(13);
  head[0] = 1;
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, text, Buffer.from(contents)]);
}

function numbered(number: number): Buffer {
  const bytes = message({ channel: 'a', stream: 1 }, 'x');
  bytes.writeDoubleBE(number, 5);
  return bytes;
}

const HOSTILE = [
  Buffer.alloc(0),
  Buffer.of(0),
  Buffer.of(1),
  // Not as one of a later version begins.
  Buffer.concat([Buffer.of(0xff), randomBytes(100)]),
  Buffer.concat([Buffer.of(0xff), randomBytes(1_000_000)]),
  Buffer.concat([Buffer.of(0), message({ channel: 'a', stream: 1 }, 'x').subarray(1)]),
  message({ channel: 1, stream: 1 }, 'x'),
  message({ channel: 'b', stream: 1 }, 'x'),
  message({ channel: 'a', stream: 100 }, 'x'),
  message({ channel: 'a', stream: {} }),
  message({ channel: 'a', response: null }),
  message('{"channel":"a","__proto__":{"stream":1},"stream":-1}'),
  message(`{"channel":"a","meta":${'['.repeat(100_000)}`),
  message(`{"channel":"a","meta":${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}}`),
  message(null),
  Buffer.concat([message({ channel: 'a', stream: 1 }, 'x'), Buffer.of(0)]),
  Buffer.from('{"channel":"a","formats":{"http-stream":{"content":"x"}}}'),
  ...[-1, 2 ** 53, Number.NaN, 0.5].map(numbered),
];

/** Of a later version: kept, it is a gap. */
const LATER = Buffer.concat([Buffer.of(2), message({ channel: 'a', stream: 1 }, 'x').subarray(1)]);

/** Publishes as somebody does who is no node. */
async function publishAs(nats: NatsServer, messages: readonly (readonly [string, Buffer, string?])[]): Promise<void> {
  const stranger = await connect({ servers: nats.url });
  for (const [subject, data, number] of messages) {
    const head = headers();
    if (number !== undefined) head.set('Nats-Sequence', number);
    stranger.publish(subject, data, number === undefined ? {} : { headers: head });
  }
  await stranger.drain();
}

function invalid({ app }: RunningApp): number {
  return app.counters.cluster.messagesInvalid;
}

test('messages on the subjects of items that no node has sent are counted and ignored', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const sections = `[cluster]\nnats = ["${nats.url}"]\n[[channel]]\nmatch = "a"\nhistory_items = 100\n`;
  const node = await startKeeping(t, sections);
  const clients = [await node.stream('a'), await node.stream('a,other')] as const;
  await got(clients[0], 'id: ');
  await node.publish('a', 'first');
  for (const client of clients) await got(client, 'data: first');
  const cursor = cursorIn(clients[0].text);
  const numbers = ['-1', '0', String(2 ** 53), 'x', '1e400', '', undefined];
  const good = message({ channel: 'a', stream: 9 }, 'data: x\n\n');
  await publishAs(nats, [
    ...[...HOSTILE, LATER].map((data) => ['holdfast.f.i.a', data] as const),
    ...numbers.map((number) => ['holdfast.f.h.a', good, number] as const),
    ...HOSTILE.map((data) => ['holdfast.h.a', data] as const),
    ...['', 'x', '-1', '0', '9007199254740993', 'Infinity', '99999'].map(
      (text) => ['holdfast.h.=c.a', Buffer.from(text)] as const,
    ),
    ...[...HOSTILE, Buffer.from('x 1')].map((data) => ['holdfast.h.=m.0', data] as const),
  ]);
  await eventually(() => invalid(node.app) >= 2 * HOSTILE.length + 1 + numbers.length + 7);
  await node.publish('a', 'last');
  for (const client of clients) {
    await got(client, 'data: last');
    assert.deepEqual(dataOf(client.text), ['first', 'last']);
  }
  // What is in the stream is read again for those who come back.
  const again = await node.stream('a', cursor);
  await got(again, 'data: last');
  assert.deepEqual(dataOf(again.text), ['last']);
  const other = await startKeeping(t, sections, node.target);
  const moved = await other.stream('a', cursor);
  await got(moved, 'data: last');
  assert.deepEqual(dataOf(moved.text), ['last']);
  assert.ok(invalid(other.app) >= HOSTILE.length);
  for (const { app } of [node, other]) assert.deepEqual(app.log.at('error'), []);
});
