import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decode,
  ElementReader,
  encode,
  TnetstringError,
  type TnetstringInput,
  type TnetstringValue,
} from '../../src/codec/tnetstring/index.ts';
import {
  encodeRequestPacket,
  encodeResponsePacket,
  MAX_ADDRESS_BYTES,
  MAX_ID_BYTES,
  MAX_IDS,
  type Packet,
  type PacketFormat,
  type PacketType,
  parseRequestPacket,
  parseResponsePacket,
  RequestPacket,
  ResponsePacket,
  splitAddress,
  ZhttpError,
} from '../../src/codec/zhttp/index.ts';
import { readCases } from '../support/cases.ts';
import { fc } from '../support/properties.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 400, numRuns: 20_000 };

/** Small enough that random input reaches each of them. */
const SMALL_LIMITS = { maxPacketBytes: 200, maxHeaders: 2 };

const PACKETS = readCases('zhttp').map(({ input }) => input);

const TYPES: readonly PacketType[] = [
  ...(['data', 'error', 'credit', 'keep-alive', 'cancel', 'handoff-start', 'handoff-proceed'] as const),
  ...(['close', 'ping', 'pong'] as const),
];

/** What holds tnetstrings together, or breaks them. */
const PIECES = [
  ...['0:', '1:', '3:', '9:', '54:', '999999999:', '1:a,', '0:~', '4:true!', '1:1#', '2:-1#', '3:1.5^', '0:}', '0:]'],
  ...['T', 'J', ' ', ',', '#', '!', '~', '^', '}', ']', '-', '{', '"', ':', '\xff', '4:from,', '2:id,', '3:seq,'],
];

const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array));
const pieces = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 12 })
  .map((list) => Buffer.from(list.join(''), 'latin1'));

/** Packets with a byte changed, taken out or put in, or cut short. */
const broken = fc
  .tuple(fc.constantFrom(...PACKETS), fc.nat(), fc.nat(255), fc.nat(3))
  .map(([packet, place, byte, how]) => {
    const at = packet.length === 0 ? 0 : place % packet.length;
    const [before, after] = [packet.subarray(0, at), packet.subarray(at)];
    if (how === 0) return Buffer.concat([before, Buffer.of(byte), after.subarray(1)]);
    if (how === 1) return Buffer.concat([before, after.subarray(1)]);
    return how === 2 ? Buffer.concat([before, Buffer.of(byte), after]) : before;
  });

const anyBytes = fc.oneof(bytes, pieces, broken);

/** Any value; maps without a key that occurs twice, byte strings as Buffers, and no deeper than is read. */
const { value } = fc.letrec<{ value: TnetstringInput }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    bytes,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string({ maxLength: 5 }), fc.constant('__proto__')), tie('value'), {
      maxKeys: 4,
      noNullPrototype: false,
    }),
  ),
}));

const latin1 = (maxLength: number) => bytesOf(maxLength).map((buffer) => buffer.toString('latin1'));
const utf8 = (maxLength: number) => fc.string({ maxLength }).map((text) => Buffer.from(text).toString('latin1'));

function bytesOf(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
}

/** Values for every field of `packet`, by what the field holds; `text` stands for what the format can carry. */
function filled<P extends Packet>(
  make: () => P,
  text: (maxLength: number) => fc.Arbitrary<string>,
  raw: fc.Arbitrary<Buffer>,
) {
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, empty] of Object.entries(make()) as [string, unknown][]) {
    fields[name] = fieldOf(name, empty, text, raw);
  }
  return fc.record(fields, { requiredKeys: [] }).map((values) => Object.assign(make(), values));
}

function fieldOf(
  name: string,
  empty: unknown,
  text: (maxLength: number) => fc.Arbitrary<string>,
  raw: fc.Arbitrary<Buffer>,
): fc.Arbitrary<unknown> {
  const seq = fc.option(fc.maxSafeNat());
  switch (name) {
    case 'type':
      return fc.constantFrom(...TYPES);
    case 'from':
    case 'oldFrom':
      return text(MAX_ADDRESS_BYTES / 4);
    case 'ids':
      return fc.array(fc.record({ id: text(MAX_ID_BYTES / 4), seq }, { noNullPrototype: true }).map(plain), {
        maxLength: MAX_IDS / 16,
      });
    case 'headers':
      return fc.array(fc.tuple(text(8), text(40)), { maxLength: 8 }).map((pairs) => pairs.flat());
    case 'code':
    case 'peerPort':
    case 'connectPort':
      return fc.nat(65_535);
    case 'maxSize':
    case 'timeout':
      return seq;
    case 'body':
      return text(100).map((body) => Buffer.from(body, 'latin1'));
    case 'userData':
    case 'passthrough':
      return fc.option(raw);
    default:
      if (typeof empty === 'boolean') return fc.boolean();
      return typeof empty === 'number' ? fc.maxSafeNat() : text(60);
  }
}

function withoutFormat(packet: Buffer): Buffer {
  return packet.subarray(1);
}

/** An object as a literal makes it. */
function plain<T extends object>(object: T): T {
  return { ...object };
}

/** A value as it is read back. */
function readBack(input: TnetstringInput): TnetstringValue {
  if (input === null || typeof input !== 'object') return input as TnetstringValue;
  if (input instanceof Uint8Array) return Buffer.from(input);
  if (Array.isArray(input)) return input.map(readBack);
  const map = Object.create(null);
  for (const [key, member] of Object.entries(input)) map[key] = readBack(member as TnetstringInput);
  return map;
}

describe('tnetstrings', () => {
  test('what is written is read back', () => {
    fc.assert(
      fc.property(value, (input) => assert.deepStrictEqual(decode(encode(input)), readBack(input))),
      BOX,
    );
  });

  test('any bytes are a value or a typed error', () => {
    fc.assert(
      fc.property(fc.oneof(anyBytes, broken.map(withoutFormat)), (input) => {
        onlyThrows(TnetstringError, () => decode(input));
      }),
      BOX,
    );
  });

  test('an element ends within its bounds, and nothing outside of them matters', () => {
    fc.assert(
      fc.property(anyBytes, bytes, bytes, (input, before, after) => {
        const element = read(input, 0, input.length);
        const inside = Buffer.concat([before, input, after]);
        assert.deepEqual(read(inside, before.length, before.length + input.length), element);
        if (element !== null) assert.ok(element.end < input.length && element.next <= input.length);
      }),
      BOX,
    );
  });

  /** Bounds of an element, counted from where it begins; null if it is refused. */
  function read(buffer: Buffer, at: number, limit: number) {
    const reader = new ElementReader(buffer);
    try {
      const next = reader.read(at, limit) - at;
      return { type: reader.type, start: reader.start - at, end: reader.end - at, next };
    } catch (error) {
      assert.ok(error instanceof TnetstringError);
      return null;
    }
  }
});

describe('ZHTTP packets', () => {
  const values: Record<PacketFormat, fc.Arbitrary<Buffer>> = {
    T: value.map((input) => encode(input)),
    J: fc.jsonValue({ maxDepth: 4 }).map((input) => Buffer.from(JSON.stringify(input))),
  };
  const texts = { T: latin1, J: utf8 };

  for (const format of ['T', 'J'] as const) {
    test(`requests are read back as they were written, as ${format}`, () => {
      const packets = filled(() => new RequestPacket(), texts[format], values[format]);
      fc.assert(
        fc.property(packets, (packet) => {
          assert.deepStrictEqual(parseRequestPacket(encodeRequestPacket(packet, format)), packet);
        }),
        BOX,
      );
    });

    test(`responses are read back as they were written, with their address, as ${format}`, () => {
      const packets = filled(() => new ResponsePacket(), texts[format], values[format]);
      const address = fc.stringMatching(/^[!-~]{1,64}$/);
      fc.assert(
        fc.property(packets, address, (packet, to) => {
          const addressed = splitAddress(encodeResponsePacket(packet, format, to));
          assert.equal(addressed?.address, to);
          assert.deepStrictEqual(parseResponsePacket(addressed.payload), packet);
        }),
        BOX,
      );
    });
  }

  test('any bytes are a packet or a typed error, which names no more than a packet may', () => {
    fc.assert(
      fc.property(anyBytes, fc.boolean(), (input, small) => {
        const limits = small ? SMALL_LIMITS : undefined;
        const request = onlyThrows(ZhttpError, () => parseRequestPacket(input, limits));
        const response = onlyThrows(ZhttpError, () => parseResponsePacket(input, limits));
        for (const result of [request, response]) {
          assert.ok(result.from.length <= MAX_ADDRESS_BYTES && result.ids.length <= MAX_IDS);
        }
      }),
      BOX,
    );
  });

  test('whatever was read can be written, and is the same when it is read again', () => {
    fc.assert(
      fc.property(anyBytes, (input) => {
        const packet = onlyThrows(ZhttpError, () => parseRequestPacket(input));
        if (packet instanceof ZhttpError) return;
        const format = input[0] === 0x54 ? 'T' : 'J';
        assert.deepStrictEqual(parseRequestPacket(encodeRequestPacket(packet, format)), packet);
      }),
      BOX,
    );
  });

  test('what is read takes no more memory than a small multiple of the packet', () => {
    fc.assert(
      fc.property(broken, (input) => {
        const packet = onlyThrows(ZhttpError, () => parseRequestPacket(input));
        if (packet instanceof ZhttpError) return;
        let characters = packet.body.length + packet.from.length + packet.method.length + packet.uri.length;
        for (const text of packet.headers) characters += text.length;
        for (const { id } of packet.ids) characters += id.length;
        assert.ok(characters <= input.length && packet.headers.length + packet.ids.length <= input.length);
      }),
      BOX,
    );
  });
});

/** The result, or the error if it is of the one class that may be thrown. */
function onlyThrows<T, E extends Error>(type: new (...args: never[]) => E, run: () => T): T | E {
  try {
    return run();
  } catch (error) {
    if (error instanceof type) return error;
    throw error;
  }
}
