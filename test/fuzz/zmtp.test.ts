import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  COMMAND_FRAME,
  encodeMessages,
  encodeMetadata,
  encodePing,
  encodeSubscription,
  MESSAGE,
  NEED_INPUT,
  NullMechanism,
  READY,
  wireBytes,
  ZmtpError,
  type ZmtpLimits,
  ZmtpSession,
} from '../../src/codec/zmtp/index.ts';
import { fc } from '../support/properties.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 600, numRuns: 20_000 };

const LIMITS: ZmtpLimits = { maxMessageBytes: 40_000, maxParts: 5 };
/** Small enough that random input reaches each of them. */
const SMALL_LIMITS: ZmtpLimits = { maxMessageBytes: 8, maxParts: 2 };

const METADATA = encodeMetadata([['Socket-Type', Buffer.from('PUSH')]]);

/** What a well-behaved peer sends before its messages. */
const HANDSHAKE = (() => {
  const peer = new ZmtpSession(new NullMechanism(METADATA, false), LIMITS);
  const [greeting] = peer.takeOutput();
  peer.push(greeting as Buffer);
  peer.next();
  return Buffer.concat([greeting as Buffer, ...peer.takeOutput()]);
})();

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const part = fc.oneof(
  { weight: 8, arbitrary: bytes(20) },
  { weight: 1, arbitrary: fc.integer({ min: 250, max: 260 }).map((length) => Buffer.alloc(length, length)) },
  { weight: 1, arbitrary: fc.integer({ min: 16_380, max: 16_390 }).map((length) => Buffer.alloc(length, length)) },
);
const message = fc.array(part, { minLength: 1, maxLength: 2 });

/** What looks like frames, and what does not. */
const noise = fc.array(
  fc.oneof(
    bytes(12),
    fc.constantFrom(
      ...['0000', '0101', '000161', '01016100', '0208', '0a', '02ffffffffffffffff', '0403', '04055', '0500'].map(
        (hex) => Buffer.from(hex, 'hex'),
      ),
      ...encodeMessages([[Buffer.from('abc'), Buffer.from('d')]], 0, 1),
      encodePing(100),
      encodeSubscription(Buffer.from('t'), true, 1),
      HANDSHAKE,
    ),
  ),
  { maxLength: 12 },
);

/** Feeds `input` in pieces of these lengths, over and over, and tells all that happens. */
function transcript(input: Buffer, lengths: readonly number[], limits: ZmtpLimits): string[] {
  const session = new ZmtpSession(new NullMechanism(METADATA, false), limits);
  const found: string[] = [];
  try {
    for (let offset = 0, i = 0; offset < input.length; i++) {
      const length = lengths[i % lengths.length] as number;
      session.push(input.subarray(offset, offset + length));
      offset += length;
      for (let event = session.next(); event !== NEED_INPUT; event = session.next()) {
        if (event === READY) found.push('ready');
        else if (event === COMMAND_FRAME) found.push(`${session.command.name} ${session.command.data.toString('hex')}`);
        else if (event === MESSAGE) found.push(checked(session.takeMessage(), limits));
        else assert.fail(`event ${event}`);
      }
    }
  } catch (error) {
    if (!(error instanceof ZmtpError)) throw error;
    found.push(`${error.kind}: ${error.message}`);
  }
  return found;
}

function checked(parts: readonly Buffer[], limits: ZmtpLimits): string {
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  assert.ok(total <= limits.maxMessageBytes && parts.length <= limits.maxParts && parts.length > 0);
  return parts.map((one) => one.toString('hex')).join('|');
}

const lengths = fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 6 });

describe('ZMTP', () => {
  test('messages come back as they were sent, however the bytes are split', () => {
    const property = fc.property(fc.array(message, { maxLength: 6 }), lengths, (messages, splits) => {
      const wire = Buffer.concat(encodeMessages(messages, 0, messages.length));
      assert.equal(
        wire.length,
        messages.reduce((sum, parts) => sum + wireBytes(parts), 0),
      );
      const expected = ['ready', ...messages.map((parts) => checked(parts, LIMITS))];
      assert.deepEqual(transcript(Buffer.concat([HANDSHAKE, wire]), splits, LIMITS), expected);
    });
    fc.assert(property, BOX);
  });

  test('any bytes give events within the limits or a typed error, the same for every split', () => {
    const property = fc.property(fc.boolean(), noise, lengths, (afterHandshake, pieces, splits) => {
      const input = Buffer.concat(afterHandshake ? [HANDSHAKE, ...pieces] : pieces);
      const whole = transcript(input, [input.length + 1], SMALL_LIMITS);
      assert.deepEqual(transcript(input, splits, SMALL_LIMITS), whole);
    });
    fc.assert(property, BOX);
  });

  test('a handshake with a byte changed completes or not, and gives at most a typed error', () => {
    const property = fc.property(fc.nat(HANDSHAKE.length - 1), fc.nat(255), (index, value) => {
      const input = Buffer.from(HANDSHAKE);
      input[index] = value;
      const found = transcript(input, [input.length], LIMITS);
      assert.match(found.join(), /^(ready)?,?((malformed|version|mechanism|limit|unexpected): .*)?$/);
    });
    fc.assert(property, BOX);
  });
});
