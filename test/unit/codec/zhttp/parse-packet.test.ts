import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encode } from '../../../../src/codec/tnetstring/index.ts';
import {
  DEFAULT_ZHTTP_LIMITS,
  MAX_IDS,
  NO_BODY,
  packetFormat,
  parseRequestPacket,
  parseResponsePacket,
  RequestPacket,
  ResponsePacket,
  ZhttpError,
} from '../../../../src/codec/zhttp/index.ts';

type Members = Parameters<typeof encode>[0];

const packet = (members: Members) => Buffer.concat([Buffer.from('T'), encode(members)]);
const json = (value: unknown) => Buffer.from(`J${JSON.stringify(value)}`);

describe('parsing a packet', () => {
  test('an empty map is a packet with nothing in it', () => {
    assert.deepEqual(parseRequestPacket(Buffer.from('T0:}')), new RequestPacket());
    assert.deepEqual(parseResponsePacket(Buffer.from('J{}')), new ResponsePacket());
  });

  test('the body is a view of the packet', () => {
    const payload = packet({ body: 'hello' });
    const { body } = parseResponsePacket(payload);
    assert.equal(body.buffer, payload.buffer);
    payload.write('J', payload.indexOf('hello'));
    assert.equal(body.toString(), 'Jello');
  });

  test('an empty body does not hold the packet in memory', () => {
    assert.equal(parseResponsePacket(packet({ body: '' })).body, NO_BODY);
  });

  test('a packet in the middle of a larger Buffer is read as one of its own', () => {
    const payload = packet({ id: 'a', body: 'x', headers: [['N', 'V']] });
    const larger = Buffer.concat([Buffer.from('9:aaaa'), payload, Buffer.from('4:true!}')]);
    const view = larger.subarray(6, 6 + payload.length);
    assert.deepEqual(parseResponsePacket(view), parseResponsePacket(payload));
  });

  test('packets do not share lists', () => {
    const first = parseResponsePacket(packet({}));
    (first.headers as string[]).push('a', 'b');
    first.ids.push({ id: 'a', seq: 0 });
    assert.deepEqual(parseResponsePacket(packet({})), new ResponsePacket());
  });

  test('a packet may have 128 ids, in both encodings', () => {
    const ids = Array.from({ length: MAX_IDS }, (_, i) => ({ id: `s-${i}`, seq: i }));
    assert.deepEqual(parseRequestPacket(packet({ id: ids })).ids, ids);
    assert.deepEqual(parseRequestPacket(json({ id: ids })).ids, ids);
  });

  test('every byte limit is inclusive', () => {
    const payload = packet({ body: 'x'.repeat(50) });
    const maxPacketBytes = payload.length;
    assert.equal(parseRequestPacket(payload, { ...DEFAULT_ZHTTP_LIMITS, maxPacketBytes }).body.length, 50);
    assert.throws(
      () => parseRequestPacket(payload, { ...DEFAULT_ZHTTP_LIMITS, maxPacketBytes: maxPacketBytes - 1 }),
      (error) => error instanceof ZhttpError && error.kind === 'too-large',
    );
  });

  test('JSON keys that objects inherit are fields like any other unknown one', () => {
    const payload = Buffer.from('J{"__proto__":{"from":"evil"},"constructor":1,"toString":null,"id":"a"}');
    const parsed = parseRequestPacket(payload);
    assert.equal(parsed.from, '');
    assert.deepEqual(parsed.ids, [{ id: 'a', seq: null }]);
    assert.equal(({} as Record<string, unknown>).from, undefined);
  });

  test('JSON that nests without end is refused, and costs no stack', () => {
    const deep = `J{"user-data":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`;
    assert.throws(() => parseRequestPacket(Buffer.from(deep)), ZhttpError);
  });

  test('the sessions of an invalid packet are found after the error too', () => {
    const id = [
      { id: 'a', seq: 1 },
      { id: 'b', seq: 2 },
    ];
    for (const payload of [packet({ credits: -1, id, from: 'h' }), json({ credits: -1, id, from: 'h' })]) {
      assert.throws(
        () => parseRequestPacket(payload),
        (error) => {
          assert.ok(error instanceof ZhttpError);
          assert.deepEqual([error.kind, error.condition, error.from], ['invalid', 'bad-request', 'h']);
          assert.deepEqual(error.ids, id);
          return true;
        },
      );
    }
  });

  test('an invalid sender does not hide the sessions', () => {
    assert.throws(
      () => parseResponsePacket(packet({ from: 1, id: 'a' })),
      (error) => error instanceof ZhttpError && error.from === '' && error.ids[0]?.id === 'a',
    );
  });
});

describe('the format of a packet', () => {
  test('is named by its first byte', () => {
    assert.equal(packetFormat(Buffer.from('T0:}')), 'T');
    assert.equal(packetFormat(Buffer.from('J{}')), 'J');
    assert.equal(packetFormat(Buffer.from('X')), null);
    assert.equal(packetFormat(Buffer.alloc(0)), null);
  });
});
