import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamQuestions } from '../../../../src/cluster/resume/stream-questions.ts';
import { BATCH_BYTES } from '../../../../src/cluster/resume/stream-reading.ts';
import { encodePiece } from '../../../../src/cluster/resume/stream-record.ts';
import { MAX_VIEWERS, StreamViewers } from '../../../../src/cluster/resume/stream-viewers.ts';
import { formatEventId, parseEventId, resumeRequest } from '../../../../src/resume/index.ts';
import type { FakeBroker } from '../../../support/cluster/fake-broker.ts';
import { requestHead } from '../../../support/exchange/request-head.ts';
import { eventually } from '../../../support/running-app.ts';
import { type FakeStore, fakeMeans } from './fake-means.ts';
import { OWNER, StreamClient } from './stream-node.ts';

const ID = `01234567${'a'.repeat(22)}`;

const HEAD = {
  status: 200,
  reason: 'OK',
  headers: ['Content-Type', 'text/event-stream'],
  owner: OWNER,
  maxBytes: 65_536,
};

const NEVER = (): Promise<never> => new Promise(() => {});

/** A store with one stream that goes on. */
const LIVE: FakeStore = {
  head: async () => HEAD,
  last: async () => null,
  addConsumer: async () => ({ name: 'c1', pending: 1 }),
};

function back(viewers: StreamViewers, client = new StreamClient(), position = 0): StreamClient {
  const event = parseEventId(formatEventId({ stream: ID, position })) ?? assert.fail('no id');
  client.responder = viewers.service(resumeRequest(event, OWNER, requestHead({ credits: client.window })), client);
  return client;
}

/** The broker is asked for a batch. Returns where the answers go. */
async function pulled(broker: FakeBroker): Promise<{ readonly reply: string; readonly ask: Record<string, number> }> {
  let found: { reply: string; data: Buffer } | undefined;
  await eventually(() => {
    found = broker.take().find(({ subject }) => subject.startsWith('$JS.API.CONSUMER.MSG.NEXT.')) ?? found;
    return found !== undefined;
  });
  const { reply, data } = found as { reply: string; data: Buffer };
  return { reply, ask: JSON.parse(data.toString()) };
}

/** A piece comes from the consumer. */
function deliver(broker: FakeBroker, to: string, number: number, position: number, bytes: Buffer, pending = 1): void {
  const message = encodePiece(position, bytes.length, (target) => bytes.copy(target));
  broker.ask(`test.s.${ID}.d`, message, `$JS.ACK.test_resume.c1.1.${number}.${number}.1.${pending}`, to);
}

test('no more than so many clients read streams of other nodes; the requests of others go to the origin', async (t) => {
  const { means, counters } = fakeMeans(t, { head: NEVER, last: NEVER, addConsumer: NEVER });
  const viewers = new StreamViewers(means, new StreamQuestions(means));
  const clients = Array.from({ length: MAX_VIEWERS }, () => back(viewers));
  assert.equal(viewers.size, MAX_VIEWERS);
  assert.equal((await back(viewers).completed()).status, 404);
  assert.equal(counters.streamViewersRefused, 1);
  clients[0]?.leave();
  const next = back(viewers);
  assert.equal(next.head, null);
  assert.equal(viewers.size, MAX_VIEWERS);
});

test('the broker is asked for one batch, and for the next one when the client has taken it', async (t) => {
  const { means, broker } = fakeMeans(t, LIVE);
  const viewers = new StreamViewers(means, new StreamQuestions(means));
  const client = back(viewers, new StreamClient(100, false));
  const { reply, ask } = await pulled(broker);
  assert.equal(ask.max_bytes, BATCH_BYTES);
  deliver(broker, reply, 1, 1, Buffer.alloc(30_000, 'a'));
  deliver(broker, reply, 2, 30_001, Buffer.alloc(30_000, 'b'));
  broker.send(reply, '');
  assert.equal(client.body.length, 100);
  const asked = (): number => broker.take().filter(({ subject }) => subject.includes('MSG.NEXT')).length;
  for (let i = 2; i < 64; i++) deliver(broker, reply, i + 1, 60_000 + i, Buffer.from('c'));
  assert.equal(asked(), 0);
  client.grant(50_000);
  assert.equal(asked(), 0);
  client.grant(50_000);
  assert.equal(asked(), 1);
});

test('a batch is asked for once, although a server says of the one before it later that it is complete', async (t) => {
  const { means, broker } = fakeMeans(t, LIVE);
  const viewers = new StreamViewers(means, new StreamQuestions(means));
  back(viewers);
  let { reply } = await pulled(broker);
  for (let batch = 0; batch < 5; batch++) {
    const first = 64 * batch + 1;
    for (let number = first; number < first + 64; number++) deliver(broker, reply, number, number, Buffer.from('c'));
    const asked = broker.take().filter(({ subject }) => subject.includes('MSG.NEXT'));
    assert.equal(asked.length, 1);
    broker.sendStatus(reply, 409, 'Batch Completed');
    reply = asked[0]?.reply ?? '';
  }
  broker.sendStatus(reply, 408, 'Request Timeout');
  assert.equal(broker.take().filter(({ subject }) => subject.includes('MSG.NEXT')).length, 1);
});

test('what comes twice is passed once, and what is missing is waited for', async (t) => {
  const { means, broker } = fakeMeans(t, LIVE);
  const viewers = new StreamViewers(means, new StreamQuestions(means));
  const client = back(viewers);
  const { reply } = await pulled(broker);
  deliver(broker, reply, 1, 1, Buffer.from('abc'));
  deliver(broker, reply, 2, 1, Buffer.from('abcdef'));
  deliver(broker, reply, 3, 10, Buffer.from('jkl'));
  assert.equal(client.body, 'abcdef');
  deliver(broker, reply, 4, 7, Buffer.from('ghi'));
  deliver(broker, reply, 5, 10, Buffer.from('jkl'));
  assert.equal(client.body, 'abcdefghijkl');
});

test('messages that no node has written are counted and ignored', async (t) => {
  const { means, broker, counters } = fakeMeans(t, LIVE);
  const viewers = new StreamViewers(means, new StreamQuestions(means));
  const client = back(viewers);
  const { reply } = await pulled(broker);
  const wrong = ['', 'x', '\x09p12345678', '\x01e', `\x01z${'0'.repeat(20)}`, `\x01p${'\xff'.repeat(8)}`];
  for (const [index, text] of wrong.entries()) {
    const ack = `$JS.ACK.test_resume.c1.1.${index + 1}.${index + 1}.1.1`;
    broker.ask(`test.s.${ID}.d`, Buffer.from(text, 'latin1'), ack, reply);
  }
  assert.equal(counters.messagesInvalid, wrong.length);
  deliver(broker, reply, 10, 1, Buffer.from('abc'));
  assert.equal(client.body, 'abc');
});

test('an exception for one client ends only that client', async (t) => {
  const { means, broker, counters } = fakeMeans(t, LIVE);
  const viewers = new StreamViewers(means, new StreamQuestions(means));
  const client = back(viewers);
  const { reply } = await pulled(broker);
  client.onBytes = () => {
    throw new Error('a defect');
  };
  deliver(broker, reply, 1, 1, Buffer.from('abc'));
  assert.equal(client.error?.code, 'HF_STREAM_LOST');
  assert.deepEqual([counters.faults, viewers.size], [1, 0]);
});
