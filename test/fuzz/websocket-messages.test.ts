import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  closePayload,
  DEFAULT_LIMITS,
  type DeflateParameters,
  type FrameSink,
  MessageReader,
  type MessageSink,
  MessageWriter,
  PING,
  PONG,
  type Role,
  type WebSocketError,
} from '../../src/codec/websocket/index.ts';
import { turn } from '../support/manual-clock.ts';
import { fc } from '../support/properties.ts';
import { unguarded } from '../support/unguarded.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 2_000, numRuns: 20_000 };

/** What is sent: a message in pieces, or a control frame. */
type Part =
  | { readonly kind: 'text' | 'binary'; readonly pieces: readonly string[] }
  | { readonly kind: 'ping' | 'pong'; readonly data: string };

const data = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.nat({ max: 3_000 }).map((length) => 'abcdefghi'.repeat(length / 9)),
);

const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('text' as const, 'binary' as const),
    pieces: fc.array(data, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ kind: fc.constantFrom('ping' as const, 'pong' as const), data: fc.string({ maxLength: 40 }) }),
);

const deflate: fc.Arbitrary<DeflateParameters | null> = fc.option(
  fc.record({
    serverNoContextTakeover: fc.boolean(),
    clientNoContextTakeover: fc.boolean(),
    serverMaxWindowBits: fc.constantFrom(9, 15),
    clientMaxWindowBits: fc.constantFrom(9, 15),
  }),
);

/** Sizes of what arrives at a time, and of grants; used again and again. */
const sizes = (max: number) => fc.array(fc.integer({ min: 1, max }), { minLength: 1, maxLength: 6 });

/** Writes all of `parts` and a close. */
class Sent implements FrameSink {
  readonly frames: Buffer[] = [];
  #closed = false;

  writeFrame(frame: Buffer): void {
    this.frames.push(Buffer.from(frame));
  }

  onFramed(): void {}

  onCloseFramed(): void {
    this.#closed = true;
  }

  onWriterError(error: WebSocketError): void {
    throw error;
  }

  static async of(parts: readonly Part[], role: Role, parameters: DeflateParameters | null): Promise<Buffer> {
    const sent = new Sent();
    const writer = new MessageWriter(sent, { role, deflate: parameters, guard: unguarded });
    for (const one of parts) {
      if ('data' in one) {
        writer.control(one.kind === 'ping' ? PING : PONG, Buffer.from(one.data, 'latin1'));
        continue;
      }
      const { kind, pieces } = one;
      for (const [i, piece] of pieces.entries()) {
        writer.message(Buffer.from(piece), kind === 'text', i < pieces.length - 1);
      }
    }
    writer.close(closePayload(1000, 'end'));
    while (!sent.#closed) await turn();
    return Buffer.concat(sent.frames);
  }
}

/** Reads what arrives, as credit allows. */
class Received implements MessageSink {
  readonly messages: string[] = [];
  readonly controls: string[] = [];
  closed = '';
  #credit = 0;
  #unread: Buffer | null = null;
  #message: Buffer[] = [];
  readonly #reader: MessageReader;

  constructor(role: Role, parameters: DeflateParameters | null) {
    this.#reader = new MessageReader(this, {
      role,
      limits: DEFAULT_LIMITS,
      deflate: parameters,
      credit: 0,
      freePings: false,
      guard: unguarded,
    });
  }

  take(input: Buffer): void {
    this.#unread = Buffer.concat([this.#unread ?? Buffer.alloc(0), input]);
    this.onReaderIdle();
  }

  grant(bytes: number): void {
    this.#credit += bytes;
    this.#reader.grant(bytes);
    if (!this.#reader.busy) this.onReaderIdle();
  }

  onReaderIdle(): void {
    const input = this.#unread ?? Buffer.alloc(0);
    this.#unread = null;
    this.#unread = this.#reader.read(Buffer.from(input), Number.POSITIVE_INFINITY);
  }

  onMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.#spend(chunk);
    assert.ok(chunk.length > 0 || !more);
    this.#message.push(chunk);
    if (!more) this.messages.push(`${text ? 'text' : 'binary'} ${Buffer.concat(this.#message.splice(0))}`);
  }

  onPing(payload: Buffer): void {
    this.#spend(payload);
    this.controls.push(`ping ${payload.toString('latin1')}`);
  }

  onPong(payload: Buffer): void {
    this.#spend(payload);
    this.controls.push(`pong ${payload.toString('latin1')}`);
  }

  onClose(code: number, reason: string): void {
    this.closed = `${code} ${reason}`;
  }

  onReaderError(thrown: unknown): void {
    throw thrown;
  }

  #spend(bytes: Buffer): void {
    this.#credit -= bytes.length;
    assert.ok(this.#credit >= 0, 'more than was granted');
  }
}

test('what a writer writes is what a reader reads, however it is split, compressed and granted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 6 }),
      fc.constantFrom<Role>('client', 'server'),
      deflate,
      sizes(2_000),
      sizes(4_000),
      async (parts, role, parameters, pieceSizes, grants) => {
        const bytes = await Sent.of(parts, role, parameters);
        const received = new Received(role === 'client' ? 'server' : 'client', parameters);
        let offset = 0;
        for (let i = 0; received.closed === ''; i++) {
          assert.ok(i < 200_000, 'it goes on and on');
          const end = Math.min(bytes.length, offset + (pieceSizes[i % pieceSizes.length] as number));
          if (end > offset) received.take(bytes.subarray(offset, end));
          offset = end;
          received.grant(grants[i % grants.length] as number);
          if (i % 3 === 0) await turn();
        }
        assert.equal(received.closed, '1000 end');
        // Control frames may overtake messages that are being compressed, but neither kind changes its own order.
        const expected = { messages: [] as string[], controls: [] as string[] };
        for (const one of parts) {
          if ('data' in one)
            expected.controls.push(`${one.kind} ${Buffer.from(one.data, 'latin1').toString('latin1')}`);
          else expected.messages.push(`${one.kind} ${one.pieces.join('')}`);
        }
        assert.deepEqual([received.messages, received.controls], [expected.messages, expected.controls]);
      },
    ),
    BOX,
  );
});
