import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  encodeRequestPacket,
  encodeRequestPieces,
  encodeResponsePacket,
  encodeResponsePart,
  MAX_IDS,
  type PacketFormat,
  parseResponsePacket,
  RequestPacket,
  ResponsePacket,
  splitAddress,
  ZhttpError,
} from '../../../../src/codec/zhttp/index.ts';
import { isPieces, wholePart } from '../../../../src/codec/zmtp/index.ts';

const FORMATS: readonly PacketFormat[] = ['T', 'J'];

describe('encoding a packet', () => {
  test('an empty packet is an empty map', () => {
    assert.equal(encodeRequestPacket(new RequestPacket()).toString(), 'T0:}');
    assert.equal(encodeResponsePacket(new ResponsePacket(), 'J').toString(), 'J{}');
  });

  test('the address comes first, in either format', () => {
    assert.equal(encodeResponsePacket(new ResponsePacket(), 'T', 'c1').toString(), 'c1 T0:}');
    assert.equal(encodeResponsePacket(new ResponsePacket(), 'J', 'c1').toString(), 'c1 J{}');
  });

  test('a packet as text or in pieces has the same bytes, and a large body is not copied', () => {
    for (const bytes of [0, 1, 1_023, 1_024, 16_383, 16_384, 99_999, 100_000, 1_000_000]) {
      const request = new RequestPacket();
      const response = new ResponsePacket();
      for (const packet of [request, response]) {
        packet.from = 'h1';
        packet.ids = [{ id: 'a', seq: bytes }];
        packet.body = Buffer.alloc(bytes, 'x');
        packet.more = true;
        packet.userData = Buffer.from('1:a,');
      }
      const pieces = encodeRequestPieces(request);
      assert.equal(Buffer.isBuffer(pieces), bytes < 16_384);
      assert.deepEqual(wholePart(pieces), encodeRequestPacket(request));
      const part = encodeResponsePart(response, 'T', 'me');
      assert.equal(typeof part === 'string', bytes < 1_024);
      assert.equal(isPieces(part), bytes >= 16_384);
      assert.deepEqual(wholePart(part), encodeResponsePacket(response, 'T', 'me'));
      if (bytes < 16_384) continue;
      assert.equal(pieces[1], request.body);
      assert.equal(part[1], response.body);
    }
    // Nothing of it is left for the next packet.
    assert.equal(encodeRequestPacket(new RequestPacket()).toString(), 'T0:}');
  });

  test('one body goes to as many sessions as a packet may have', () => {
    const packet = new ResponsePacket();
    packet.from = 'h1';
    packet.ids = Array.from({ length: MAX_IDS }, (_, i) => ({ id: `0-${i}-a`, seq: i % 2 === 0 ? i : null }));
    packet.body = Buffer.from('tick\n');
    packet.more = true;
    for (const format of FORMATS) {
      const read = splitAddress(encodeResponsePacket(packet, format, 'c1'));
      assert.equal(read?.address, 'c1');
      assert.deepEqual(parseResponsePacket(read.payload), packet);
    }
  });

  test('a packet with too many ids is not written', () => {
    const packet = new ResponsePacket();
    packet.ids = Array.from({ length: MAX_IDS + 1 }, () => ({ id: 'a', seq: 0 }));
    for (const format of FORMATS) {
      assert.throws(
        () => encodeResponsePacket(packet, format),
        (error) => error instanceof ZhttpError && error.kind === 'too-large',
      );
    }
  });

  test('numbers out of range are not written', () => {
    for (const bad of [-1, 1.5, Number.NaN, 2 ** 53]) {
      for (const format of FORMATS) {
        const credits = new RequestPacket();
        credits.credits = bad;
        assert.throws(() => encodeRequestPacket(credits, format), ZhttpError);
        const seq = new RequestPacket();
        seq.ids = [{ id: 'a', seq: bad }];
        assert.throws(() => encodeRequestPacket(seq, format), ZhttpError);
        seq.ids.push({ id: 'b', seq: 0 });
        assert.throws(() => encodeRequestPacket(seq, format), ZhttpError);
      }
    }
  });

  test('user data in another format than the packet is not written', () => {
    const packet = new ResponsePacket();
    packet.userData = Buffer.from('{"a":1}');
    assert.throws(() => encodeResponsePacket(packet, 'T'), ZhttpError);
    assert.equal(encodeResponsePacket(packet, 'J').toString(), 'J{"user-data":{"a":1}}');
    packet.userData = Buffer.from('1:1#1:2#');
    assert.throws(() => encodeResponsePacket(packet, 'T'), ZhttpError);
    assert.throws(() => encodeResponsePacket(packet, 'J'), ZhttpError);
  });

  test('a packet after a failed one is complete', () => {
    const bad = new ResponsePacket();
    bad.from = 'h1';
    bad.credits = -1;
    assert.throws(() => encodeResponsePacket(bad), ZhttpError);
    assert.equal(encodeResponsePacket(new ResponsePacket(), 'T', 'c1').toString(), 'c1 T0:}');
  });

  test('a grant has its credits, even zero', () => {
    const packet = new RequestPacket();
    packet.type = 'credit';
    assert.equal(encodeRequestPacket(packet).toString(), 'T30:4:type,6:credit,7:credits,1:0#}');
  });

  test('bytes that JSON cannot hold are replaced', () => {
    const packet = new ResponsePacket();
    packet.body = Buffer.from([0x61, 0xff]);
    assert.equal(encodeResponsePacket(packet, 'J').toString(), 'J{"body":"a\ufffd"}');
  });
});
