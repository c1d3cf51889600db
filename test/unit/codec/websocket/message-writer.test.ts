import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  closePayload,
  DEFAULT_DEFLATE,
  type DeflateParameters,
  type FrameSink,
  MessageWriter,
  PING,
  PONG,
  type Role,
  WebSocketError,
} from '../../../../src/codec/websocket/index.ts';
import { unguarded } from '../../../support/unguarded.ts';
import { readByUs } from '../../../support/websocket/our-side.ts';

/** Keeps what a writer makes. */
class Sink implements FrameSink {
  readonly frames: Buffer[] = [];
  framed = 0;
  closed = false;
  #whenClosed: () => void = () => {};

  writeFrame(data: Buffer): void {
    assert.ok(!this.closed, 'a frame behind the close');
    this.frames.push(Buffer.from(data));
  }

  onFramed(bytes: number): void {
    this.framed += bytes;
  }

  onCloseFramed(): void {
    this.closed = true;
    this.#whenClosed();
  }

  onWriterError(error: WebSocketError): void {
    assert.fail(error);
  }

  get whenClosed(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenClosed = resolve;
    });
  }

  /** What the other side reads. */
  read(role: Role, deflate: { windowBits: number; contextTakeover: boolean } | null = null): Promise<string[]> {
    const limits = { maxFrameBytes: 1_000_000, maxMessageBytes: 1_000_000, maxFragments: 100 };
    return readByUs(this.frames, { role: role === 'client' ? 'server' : 'client', limits, compression: deflate });
  }
}

const ROLES = ['client', 'server'] as const;

for (const role of ROLES) {
  test(`pieces, pings, pongs and the close of a ${role} are frames that the other side reads`, async () => {
    const sink = new Sink();
    const writer = new MessageWriter(sink, { role, deflate: null, guard: unguarded });
    const large = Buffer.alloc(70_000, 'a');
    writer.message(Buffer.from('Hel'), true, true);
    writer.control(PING, Buffer.from('p'));
    writer.message(Buffer.alloc(0), true, true);
    writer.message(Buffer.from('lo'), true, false);
    writer.control(PONG, Buffer.alloc(0));
    writer.message(large, false, false);
    writer.message(Buffer.alloc(0), false, false);
    writer.close(closePayload(1000, 'bye'));
    const expected = ['ping "p"', 'text "Hello"', 'pong ""', `binary "${'a'.repeat(70_000)}"`, 'binary ""'];
    assert.deepEqual(await sink.read(role), [...expected, 'close 1000 "bye"']);
    assert.equal(sink.framed, 70_005);
    assert.ok(large.equals(Buffer.alloc(70_000, 'a')));
  });

  test(`frames of a ${role} are ${role === 'client' ? '' : 'not '}masked, and small ones one Buffer`, () => {
    const sink = new Sink();
    const writer = new MessageWriter(sink, { role, deflate: null, guard: unguarded });
    for (let i = 0; i < 2; i++) writer.message(Buffer.alloc(4_096), false, false);
    writer.close(closePayload(1000));
    assert.deepEqual(
      sink.frames.map((data) => (data[1] as number) >= 128),
      new Array(3).fill(role === 'client'),
    );
    // Zeros show the key: it is another one for each frame.
    const keys = sink.frames.slice(0, 2).map((data) => data.subarray(4, 8).toString('hex'));
    if (role === 'client') assert.notEqual(keys[0], keys[1]);
  });

  test(`a ${role} compresses with its own window`, async () => {
    for (const windowBits of [9, 15]) {
      const parameters: DeflateParameters = {
        ...DEFAULT_DEFLATE,
        [`${role}MaxWindowBits`]: windowBits,
        [`${role}NoContextTakeover`]: windowBits === 9,
      };
      const sink = new Sink();
      const writer = new MessageWriter(sink, { role, deflate: parameters, guard: unguarded });
      // A repetition that only the large window reaches.
      const random = Buffer.from(Array.from({ length: 2_000 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24));
      writer.message(Buffer.concat([random, random]), false, false);
      writer.message(random, false, false);
      writer.close(closePayload(1000));
      await sink.whenClosed;
      const bytes = Buffer.concat(sink.frames).length;
      const events = await sink.read(role, { windowBits, contextTakeover: windowBits !== 9 });
      assert.equal(events.length, 3);
      assert.equal(events[0], `binary "${random.toString('latin1').repeat(2)}"`);
      assert.ok(windowBits === 9 ? bytes > 6_000 : bytes < 3_000, `${windowBits}: ${bytes}`);
    }
  });
}

test('a control frame that is too long is not written', () => {
  const sink = new Sink();
  const writer = new MessageWriter(sink, { role: 'client', deflate: null, guard: unguarded });
  assert.throws(() => writer.control(PING, Buffer.alloc(126)), WebSocketError);
  assert.deepEqual(sink.frames, []);
});

test('messages that wait for compression are dropped on release, and a close may follow', async () => {
  const sink = new Sink();
  const writer = new MessageWriter(sink, { role: 'client', deflate: DEFAULT_DEFLATE, guard: unguarded });
  writer.message(Buffer.from('dropped'), true, false);
  writer.release();
  writer.close(closePayload(1001));
  assert.ok(sink.closed);
  assert.deepEqual(await sink.read('client'), ['close 1001 ""']);
});
