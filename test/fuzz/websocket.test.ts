import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, test } from 'node:test';
import { fieldValues } from '../../src/codec/fields/index.ts';
import {
  acceptDeflate,
  BINARY,
  CONTINUATION,
  closePayload,
  type DeflateParameters,
  Deflater,
  encodeFrame,
  encodeMaskedFrame,
  HandshakeError,
  Inflater,
  isCloseCode,
  MAX_REASON_BYTES,
  type Opcode,
  offerFields,
  PING,
  PONG,
  parseExtensions,
  readHandshake,
  readHandshakeResponse,
  TEXT,
  type WebSocketLimits,
} from '../../src/codec/websocket/index.ts';
import { escapeText, readCases } from '../support/cases.ts';
import { mutants } from '../support/mutants.ts';
import { fc } from '../support/properties.ts';
import { unguarded } from '../support/unguarded.ts';
import { type Feeding, FrameTranscript } from '../unit/codec/websocket/frame-transcript.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 600, numRuns: 20_000 };

const ENDLESS = Number.POSITIVE_INFINITY;

/** Small enough that random input reaches each of them. */
const SMALL_LIMITS: WebSocketLimits = { maxFrameBytes: 200, maxMessageBytes: 250, maxFragments: 4 };
const WIDE_LIMITS: WebSocketLimits = { maxFrameBytes: 1e6, maxMessageBytes: 1e6, maxFragments: 1e3 };

const CASES = readCases('websocket').filter(({ kind, input }) => kind.startsWith('frames') && input.length <= 300);

/** What may stand anywhere in frames. */
const piece = fc.oneof(
  fc.constantFrom('\x01', '\x81', '\x80', '\x00', '\xc1', '\x88', '\x89', '\x8a', '\xfe', '\xff', '\x7e', '\x7f'),
  fc.constantFrom(
    '\x81\x80\0\0\0\0',
    '\x01\x81\0\0\0\0a',
    '\x80\x02ok',
    '\x88\x02\x03\xe8',
    '\xc3\xa9',
    '\xed\xa0\x80',
  ),
  fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
);

const noise = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));

const mutant = mutants(CASES, piece, 3);

const bytes = fc.oneof(mutant, noise).map((text) => Buffer.from(text, 'latin1'));

const feeding: fc.Arbitrary<Feeding> = fc.record({
  role: fc.constantFrom('server', 'client'),
  limits: fc.constantFrom(SMALL_LIMITS, WIDE_LIMITS),
  compression: fc.boolean(),
  credit: fc.constantFrom(ENDLESS, 1, 2, 7),
});

/** Sizes of the pieces that input arrives in, used again and again. */
const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 });

function* split(input: Buffer, pieceSizes: readonly number[]): Iterable<Buffer> {
  for (let offset = 0, i = 0; offset < input.length; i++) {
    const end = offset + (pieceSizes[i % pieceSizes.length] as number);
    yield input.subarray(offset, end);
    offset = end;
  }
}

const buffer = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const textBytes = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => Buffer.from(text));

/** A message cut into fragments, each with a ping or a pong before it or not. */
const message = fc.record({
  text: fc.boolean(),
  data: fc.oneof(textBytes, buffer(300)),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  controls: fc.array(fc.option(fc.tuple(fc.constantFrom<Opcode>(PING, PONG), buffer(125)))),
});

function fragmentsOf(data: Buffer, cuts: readonly number[]): Buffer[] {
  const bounds = [0, ...cuts.map((cut) => Math.floor(cut * data.length)).sort((a, b) => a - b), data.length];
  return bounds.slice(1).map((end, i) => data.subarray(bounds[i], end));
}

describe('reading frames', () => {
  test('gives the same events however the input is split and credit is granted', () => {
    fc.assert(
      fc.property(bytes, feeding, sizes, (input, how, pieceSizes) => {
        const whole = FrameTranscript.of([input], { ...how, credit: ENDLESS });
        const pieces = FrameTranscript.of(split(input, pieceSizes), how);
        assert.deepEqual(pieces.events, whole.events);
      }),
      BOX,
    );
  });

  // The transcript passes on what is no WebSocketError, and throws if the reader exceeds its credit or stops taking input.
  test('of any bytes ends in messages within their limits or in a WebSocketError', () => {
    fc.assert(
      fc.property(buffer(300), feeding, (input, how) => {
        const { messages } = FrameTranscript.of([input], how);
        for (const { text, compressed, complete, data } of messages) {
          assert.ok(data.length <= how.limits.maxMessageBytes);
          if (text && complete && !compressed) assert.ok(isUtf8(Buffer.from(data, 'latin1')));
        }
      }),
      BOX,
    );
  });

  test('gives back what was written, fragments and control frames, masked or not', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 4 }),
        sizes,
        fc.boolean(),
        fc.nat(),
        (messages, pieceSizes, masked, seed) => {
          let key = seed;
          const frames: Buffer[] = [];
          const expected: string[] = [];
          const write = (opcode: Opcode, payload: Buffer, more = false) => {
            key = Math.imul(key, 1_103_515_245) + 12_345;
            frames.push(masked ? encodeMaskedFrame(opcode, payload, key, more) : encodeFrame(opcode, payload, more));
          };
          for (const { text, data, cuts, controls } of messages) {
            const isText = text && isUtf8(data);
            const fragments = fragmentsOf(data, cuts);
            fragments.forEach((fragment, i) => {
              const control = controls[i] ?? null;
              if (control !== null) {
                write(...control);
                expected.push(`${control[0] === PING ? 'ping' : 'pong'} "${control[1].toString('latin1')}"`);
              }
              write(i > 0 ? CONTINUATION : isText ? TEXT : BINARY, fragment, i < fragments.length - 1);
            });
            expected.push(`${isText ? 'text' : 'binary'} "${data.toString('latin1')}"`);
          }
          const role = masked ? 'server' : 'client';
          const how: Feeding = { role, limits: WIDE_LIMITS, compression: false, credit: ENDLESS };
          const transcript = FrameTranscript.of(split(Buffer.concat(frames), pieceSizes), how);
          const controls = (events: readonly string[]) => events.filter((event) => /^p[io]ng /.test(event));
          assert.deepEqual(controls(transcript.events), controls(expected));
          const read = transcript.messages.map(({ text, data }) => `${text ? 'text' : 'binary'} "${data}"`);
          assert.deepEqual(
            read,
            expected.filter((event) => !/^p[io]ng /.test(event)),
          );
          assert.ok(transcript.messages.every(({ complete }) => complete));
          assert.equal(transcript.failure, 0);
        },
      ),
      BOX,
    );
  });

  test('gives back every close frame that can be written', () => {
    const code = fc.integer({ min: 1000, max: 4999 }).filter(isCloseCode);
    fc.assert(
      fc.property(code, fc.string({ unit: 'binary', maxLength: 40 }), sizes, (number, text, pieceSizes) => {
        const reason = Buffer.from(text).toString();
        fc.pre(Buffer.byteLength(reason) <= MAX_REASON_BYTES);
        const frame = encodeFrame(8, closePayload(number, reason));
        const how: Feeding = { role: 'client', limits: WIDE_LIMITS, compression: false, credit: ENDLESS };
        const { events } = FrameTranscript.of(split(frame, pieceSizes), how);
        assert.deepEqual(events, [`close ${number} "${Buffer.from(reason).toString('latin1')}"`]);
      }),
      BOX,
    );
  });
});

/** Deflates and inflates the pieces of messages one after the other; gives each message that comes out. */
class Loop {
  readonly messages: Buffer[] = [];
  readonly #deflater: Deflater;
  readonly #inflater: Inflater;
  readonly #frames: { payload: Buffer; more: boolean }[] = [];
  #pieces: Buffer[] = [];
  #deflated: () => void = () => {};
  #inflated: () => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(windowBits: number, contextTakeover: boolean, credit: number) {
    this.#deflater = new Deflater(
      { windowBits, contextTakeover },
      {
        onDeflated: (payload, more) => this.#frames.push({ payload, more }),
        onDeflaterIdle: () => this.#deflated(),
        onDeflaterError: (error) => this.#fail(error),
      },
      unguarded,
    );
    this.#inflater = new Inflater(
      { windowBits, contextTakeover, maxMessageBytes: 1e6 },
      {
        onInflated: (data, more) => {
          if (data.length > credit) this.#fail(new Error('more data than credit'));
          this.#inflater.grant(data.length);
          this.#pieces.push(data);
          if (!more) this.messages.push(Buffer.concat(this.#pieces.splice(0)));
        },
        onInflaterIdle: () => this.#inflated(),
        onInflaterError: (error) => this.#fail(error),
      },
      unguarded,
    );
    this.#inflater.grant(credit);
  }

  async send(data: Buffer, more: boolean): Promise<void> {
    await this.#wait((resolve) => {
      this.#deflated = resolve;
      this.#deflater.write(data, more);
    });
    for (const frame of this.#frames.splice(0)) {
      await this.#wait((resolve) => {
        this.#inflated = resolve;
        this.#inflater.write(frame.payload, false, frame.more);
      });
    }
  }

  close(): void {
    this.#deflater.close();
    this.#inflater.close();
  }

  #wait(start: (resolve: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      start(resolve);
    });
  }
}

describe('compression', () => {
  test('gives back what was sent, whatever the pieces, the window and the credit', async () => {
    const data = fc.oneof(
      buffer(200),
      fc
        .tuple(buffer(30), fc.integer({ min: 1, max: 3000 }))
        .map(([unit, times]) => Buffer.concat(Array(times).fill(unit))),
    );
    const sent = fc.array(
      fc.record({ data, cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 3 }) }),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(
        sent,
        fc.integer({ min: 9, max: 15 }),
        fc.boolean(),
        fc.constantFrom(ENDLESS, 1000, 65_536),
        async (messages, windowBits, contextTakeover, credit) => {
          const loop = new Loop(windowBits, contextTakeover, credit);
          try {
            for (const { data: whole, cuts } of messages) {
              const fragments = fragmentsOf(whole, cuts);
              for (const [i, fragment] of fragments.entries()) await loop.send(fragment, i < fragments.length - 1);
            }
            assert.deepEqual(
              loop.messages,
              messages.map(({ data: whole }) => whole),
            );
          } finally {
            loop.close();
          }
        },
      ),
      { ...BOX, numRuns: 1_000 },
    );
  });

  test('of any bytes ends in messages within their limit or in a WebSocketError', async () => {
    await fc.assert(
      fc.asyncProperty(buffer(60), fc.boolean(), fc.boolean(), async (input, text, contextTakeover) => {
        let taken = 0;
        await new Promise<void>((resolve) => {
          const inflater = new Inflater(
            { windowBits: 15, contextTakeover, maxMessageBytes: 500 },
            {
              onInflated: (data) => {
                taken += data.length;
              },
              onInflaterIdle: () => {
                inflater.close();
                resolve();
              },
              onInflaterError: () => resolve(),
            },
            unguarded,
          );
          inflater.grant(ENDLESS);
          inflater.write(input, text, false);
        });
        assert.ok(taken <= 500);
      }),
      { ...BOX, numRuns: 2_000 },
    );
  });
});

const parameters: fc.Arbitrary<DeflateParameters> = fc.record({
  serverNoContextTakeover: fc.boolean(),
  clientNoContextTakeover: fc.boolean(),
  serverMaxWindowBits: fc.integer({ min: 9, max: 15 }),
  clientMaxWindowBits: fc.integer({ min: 9, max: 15 }),
});

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

describe('handshakes', () => {
  test('of both sides agree on the same compression, within the limits of each', () => {
    fc.assert(
      fc.property(parameters, parameters, (client, server) => {
        const offer = { key: KEY, protocols: [], deflate: client, extensions: [] };
        const offers = parseExtensions(fieldValues(offerFields(offer), 'sec-websocket-extensions'));
        const accepted = acceptDeflate(offers, server);
        assert.ok(accepted !== null);
        const headers = ['Upgrade', 'websocket', 'Connection', 'Upgrade', 'Sec-WebSocket-Accept', ACCEPT];
        const { deflate } = readHandshakeResponse([...headers, 'Sec-WebSocket-Extensions', accepted.extension], offer);
        assert.deepEqual(deflate, accepted.parameters);
        assert.equal(deflate.serverMaxWindowBits, Math.min(client.serverMaxWindowBits, server.serverMaxWindowBits));
        assert.ok(deflate.clientMaxWindowBits <= client.clientMaxWindowBits);
        assert.ok(deflate.serverNoContextTakeover || !client.serverNoContextTakeover);
        assert.ok(deflate.clientNoContextTakeover || !client.clientNoContextTakeover);
      }),
      BOX,
    );
  });

  test('of any fields are read or refused', () => {
    const part = fc.oneof(
      fc.constantFrom(
        ...['permessage-deflate', ';', ',', '=', '"', '\\', ' ', '\t', 'a', '15', '8', 'client_max_window_bits'],
      ),
      fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
    );
    const value = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(value, value, parameters, (extensions, protocols, policy) => {
        const fields = ['Sec-WebSocket-Extensions', extensions, 'Sec-WebSocket-Protocol', protocols];
        const upgrade = ['Upgrade', 'websocket', 'Connection', 'Upgrade'];
        const request = ['Sec-WebSocket-Version', '13', 'Sec-WebSocket-Key', KEY, ...upgrade, ...fields];
        const handshake = readHandshake({ method: 'GET', version: '1.1', headers: request, bodyLength: 0 });
        assert.ok(handshake !== null, escapeText(extensions));
        if (handshake.valid) acceptDeflate(handshake.extensions, policy);
        else assert.equal(handshake.status, 400);
        try {
          const answer = ['Sec-WebSocket-Accept', ACCEPT, ...upgrade, ...fields];
          readHandshakeResponse(answer, { key: KEY, protocols: ['a'], deflate: policy, extensions: ['grip'] });
        } catch (error) {
          assert.ok(error instanceof HandshakeError, String(error));
        }
      }),
      BOX,
    );
  });
});
