import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ENCODER_BYTES } from '../../../../src/codec/content/index.ts';
import { Counters, NO_RESPONDER, Payload, type Responder, UNKNOWN_LENGTH } from '../../../../src/exchange/index.ts';
import { CompressRoom, MAX_ENCODERS } from '../../../../src/proxy/compress/compress-room.ts';
import { CompressedExchange } from '../../../../src/proxy/compress/compressed-exchange.ts';
import { Compression } from '../../../../src/proxy/compress/compression.ts';
import { FakeRequester } from '../../../support/exchange/fake-requester.ts';
import { requestHead } from '../../../support/exchange/request-head.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { turn } from '../../../support/manual-clock.ts';

const HEAD = { status: 200, reason: '', headers: ['Content-Type', 'text/plain'], bodyLength: UNKNOWN_LENGTH };

/** Takes payloads, and remembers them. */
class PayloadRequester extends FakeRequester {
  readonly payloads: Payload[] = [];

  override onResponsePayload(payload: Payload): void {
    this.payloads.push(payload);
    this.onResponseData(payload.body, true);
  }
}

class Rig {
  readonly counters = new Counters();
  readonly log = new FakeLog();
  readonly room = new CompressRoom(this.counters, this.log);
  readonly #compression = new Compression({ codings: ['br', 'gzip'], types: ['text/*'], minBytes: 0 });

  /** A client, and what stands before it. The responder gets its calls. */
  open(accept: string, credits = 65_536, responder: Partial<Responder> = {}) {
    const requester = new PayloadRequester(credits);
    const request = requestHead({ headers: ['Accept-Encoding', accept], credits });
    const exchange = new CompressedExchange(this.room, this.#compression, request, requester);
    requester.responder = exchange;
    exchange.attach({ ...NO_RESPONDER, ...responder });
    return { requester, exchange };
  }

  /** A client that is held. */
  hold(credits = 65_536, responder: Partial<Responder> = {}) {
    const opened = this.open('gzip', credits);
    opened.exchange.handOver({ ...NO_RESPONDER, sendsToMany: true, ...responder });
    opened.exchange.onResponse(HEAD);
    return opened;
  }
}

/** Bytes that cannot be compressed. */
function noise(length: number): Buffer {
  let state = 1;
  return Buffer.from(
    Array.from({ length }, () => {
      state = (state * 48_271) % 2_147_483_647;
      return state & 0xff;
    }),
  );
}

test('A payload is compressed once for all held clients, and needs no encoder', () => {
  const rig = new Rig();
  const clients = [rig.hold(), rig.hold()];
  const payload = new Payload(Buffer.from('data: one\n\n'.repeat(20)));
  for (const { exchange } of clients) exchange.onResponsePayload(payload);
  const [first, second] = clients.map(({ requester }) => requester.payloads);
  assert.equal(first?.length, 1);
  assert.equal(first?.[0], second?.[0]);
  assert.equal(rig.room.used, 0);
  for (const { exchange, requester } of clients) {
    exchange.onResponseData(Buffer.from('end'), false);
    assert.ok(requester.complete);
    assert.equal(gunzipSync(Buffer.concat(requester.chunks)).toString(), `${payload.body}end`);
  }
});

test('A responder is granted what the client has taken: encoded bytes do not pile up', () => {
  const rig = new Rig();
  let granted = 0;
  const { exchange, requester } = rig.hold(1_000, { onResponseCredit: (bytes) => (granted += bytes) });
  const chunk = noise(900);
  exchange.onResponseData(chunk, true);
  assert.equal(granted, 900);
  exchange.onResponsePayload(new Payload(chunk));
  assert.equal(granted, 900);
  requester.grant(500);
  assert.equal(granted, 900);
  requester.grant(500);
  assert.equal(granted, 1_800);
});

test('The same holds for an encoder of its own', async () => {
  const rig = new Rig();
  let granted = 0;
  const { exchange, requester } = rig.open('br', 1_000, { onResponseCredit: (bytes) => (granted += bytes) });
  exchange.onResponse(HEAD);
  exchange.onResponseData(noise(1_000), true);
  await requester.until(() => requester.credits === 0);
  for (let i = 0; i < 100; i++) await turn();
  assert.equal(granted, 0);
  requester.grant(1_000);
  assert.equal(granted, 1_000);
});

test('Encoders are bounded together; beyond that responses are sent as they are, and memory is given back', async () => {
  const rig = new Rig();
  const clients = [];
  for (let bytes = 0; bytes + ENCODER_BYTES.br <= MAX_ENCODERS; bytes += ENCODER_BYTES.br) {
    rig.room.take(['br']);
  }
  const full = rig.open('br, gzip');
  full.exchange.onResponse(HEAD);
  assert.deepEqual(full.requester.head?.headers, [...HEAD.headers, 'Vary', 'Accept-Encoding']);
  assert.equal(rig.counters.compressionsSkipped, 1);
  for (let i = 0; i < 3; i++) rig.room.release('br');
  const used = rig.room.used;
  for (let i = 0; i < 3; i++) clients.push(rig.open('br'));
  for (const { exchange } of clients) exchange.onResponse(HEAD);
  assert.equal(rig.room.used, MAX_ENCODERS);
  const [complete, broken, left] = clients;
  complete?.exchange.onResponseData(Buffer.from('x'), false);
  await complete?.requester.completed();
  broken?.exchange.onFault(new Error('thrown by the test'));
  assert.equal(broken?.requester.error?.code, 'HF_INTERNAL');
  assert.equal(rig.counters.faults, 1);
  left?.exchange.onResponseData(Buffer.from('x'), true);
  left?.requester.leave();
  assert.equal(rig.room.used, used);
  for (let i = 0; i < 100; i++) await turn();
});

test('An exception in a callback of zlib ends that exchange alone', async () => {
  const rig = new Rig();
  const [failing, other] = [rig.open('gzip'), rig.open('gzip')];
  for (const { exchange } of [failing, other]) exchange.onResponse(HEAD);
  failing.exchange.onEncoded = () => {
    throw new Error('thrown by the test');
  };
  for (const { exchange } of [failing, other]) exchange.onResponseData(Buffer.from('hello'), false);
  assert.equal((await failing.requester.failed()).code, 'HF_INTERNAL');
  await other.requester.completed();
  assert.equal(gunzipSync(Buffer.concat(other.requester.chunks)).toString(), 'hello');
  assert.match(String(rig.log.of('internal error')[0]?.detail), /thrown by the test/);
});
