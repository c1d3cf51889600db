import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closePayload,
  DEFAULT_DEFLATE,
  DEFAULT_LIMITS,
  encodeFrame,
  encodeMaskedFrame,
  MessageReader,
  type MessageReaderOptions,
  type MessageSink,
  type Opcode,
  PING,
  PONG,
  type Role,
  TEXT,
  WebSocketError,
} from '../../../../src/codec/websocket/index.ts';
import { unguarded } from '../../../support/unguarded.ts';

/** A connection's input in front of a reader, which keeps what comes of it. */
class Rig implements MessageSink {
  readonly reader: MessageReader;
  readonly role: Role;
  readonly events: string[] = [];
  error: unknown = null;
  /** Bytes that may still be passed on. */
  credit: number;
  onEvent: (event: string) => void = () => {};
  readonly #freePings: boolean;
  #unread: Buffer | null = null;
  #waits: (() => void)[] = [];

  constructor(options: Partial<MessageReaderOptions> = {}) {
    const all: MessageReaderOptions = {
      role: 'client',
      limits: DEFAULT_LIMITS,
      deflate: null,
      credit: 65_536,
      freePings: false,
      guard: unguarded,
      ...options,
    };
    this.role = all.role;
    this.credit = all.credit;
    this.#freePings = all.freePings;
    this.reader = new MessageReader(this, all);
  }

  frame(opcode: Opcode, payload: string | Buffer = '', more = false, compressed = false): Buffer {
    const bytes = Buffer.from(payload as string);
    return this.role === 'client'
      ? encodeFrame(opcode, bytes, more, compressed)
      : encodeMaskedFrame(opcode, bytes, 0x1a2b3c4d, more, compressed);
  }

  /** Bytes that arrive. */
  feed(...frames: Buffer[]): void {
    this.#unread = Buffer.concat([this.#unread ?? Buffer.alloc(0), ...frames]);
    this.pump();
  }

  grant(bytes: number): void {
    this.credit += bytes;
    this.reader.grant(bytes);
    if (!this.reader.busy) this.pump();
  }

  pump(): void {
    const input = this.#unread ?? Buffer.alloc(0);
    this.#unread = null;
    try {
      this.#unread = this.reader.read(input, Number.POSITIVE_INFINITY);
    } catch (thrown) {
      this.error = thrown;
      this.reader.release();
    }
  }

  /** Bytes that were not taken; null if nothing waits. */
  get waiting(): number | null {
    return this.#unread?.length ?? null;
  }

  async until(test: () => boolean): Promise<void> {
    while (!test()) await new Promise<void>((resolve) => this.#waits.push(resolve));
  }

  onMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.#spend(chunk);
    this.#event(`${text ? 'text' : 'binary'} ${chunk.toString('latin1')}${more ? ' +' : ''}`);
  }

  onPing(data: Buffer): void {
    if (!this.#freePings) this.#spend(data);
    this.#event(`ping ${data}`);
  }

  onPong(data: Buffer): void {
    this.#spend(data);
    this.#event(`pong ${data}`);
  }

  onClose(code: number, reason: string): void {
    this.#event(`close ${code} ${reason}`);
  }

  onReaderIdle(): void {
    this.pump();
    this.#wake();
  }

  onReaderError(thrown: unknown): void {
    this.error = thrown;
    this.reader.release();
    this.#wake();
  }

  #spend(data: Buffer): void {
    this.credit -= data.length;
    assert.ok(this.credit >= 0, 'more than was granted');
  }

  #event(event: string): void {
    this.events.push(event.trimEnd());
    this.onEvent(event);
    this.#wake();
  }

  #wake(): void {
    for (const wait of this.#waits.splice(0)) wait();
  }
}

function deflated(text: string): Buffer {
  return deflateRawSync(Buffer.from(text), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

for (const role of ['client', 'server'] as const) {
  describe(`a ${role}`, () => {
    test('is given messages in pieces, and control frames between them', () => {
      const rig = new Rig({ role });
      rig.feed(rig.frame(TEXT, 'Hel', true), rig.frame(PING, 'p'), rig.frame(CONTINUATION, 'lo'), rig.frame(PONG, 'q'));
      rig.feed(rig.frame(BINARY), rig.frame(CLOSE, closePayload(1000, 'bye')), rig.frame(TEXT, 'not read'));
      assert.deepEqual(rig.events, [...['text Hel +', 'ping p', 'text lo', 'pong q', 'binary', 'close 1000 bye']]);
      assert.ok((rig.waiting as number) > 0);
      rig.pump();
      assert.equal(rig.events.length, 6);
    });

    test('inflates what the other side has compressed', async () => {
      for (const noContextTakeover of [false, true]) {
        const other = role === 'client' ? 'server' : 'client';
        const deflate = { ...DEFAULT_DEFLATE, [`${other}NoContextTakeover`]: noContextTakeover };
        const rig = new Rig({ role, deflate });
        rig.feed(rig.frame(TEXT, deflated('Hello'), false, true), rig.frame(TEXT, 'plain'), rig.frame(CLOSE));
        await rig.until(() => rig.events.length === 3);
        assert.deepEqual(rig.events, ['text Hello', 'text plain', 'close 1005']);
      }
    });
  });
}

test('what waits for credit is kept by the caller, and comes when it is granted', () => {
  const rig = new Rig({ credit: 2 });
  rig.feed(rig.frame(TEXT, 'abc'), rig.frame(PING, 'xy'), rig.frame(CLOSE));
  assert.deepEqual([rig.events, rig.waiting], [['text ab +'], 7]);
  rig.grant(1);
  assert.deepEqual(rig.events, ['text ab +', 'text c']);
  // The ping has been read, and waits.
  assert.equal(rig.waiting, 2);
  rig.grant(1);
  assert.equal(rig.events.length, 2);
  rig.grant(1);
  assert.deepEqual(rig.events.slice(2), ['ping xy', 'close 1005']);
  assert.equal(rig.waiting, null);
});

test('pings need no credit if the sink sends the pongs', () => {
  const rig = new Rig({ credit: 0, freePings: true });
  rig.feed(rig.frame(PING, 'x'), rig.frame(PONG, 'y'));
  assert.deepEqual(rig.events, ['ping x']);
});

test('waiting for credit does not count as the end of the input', () => {
  const rig = new Rig({ credit: 0 });
  rig.feed(rig.frame(PING, 'x'));
  assert.equal(rig.waiting, 0);
  rig.grant(1);
  assert.deepEqual([rig.events, rig.waiting], [['ping x'], null]);
});

test('a discarding reader passes on only the close, whatever waits', async () => {
  for (const compressed of [false, true]) {
    const rig = new Rig({ credit: 1, deflate: DEFAULT_DEFLATE });
    rig.feed(rig.frame(TEXT, compressed ? deflated('abc') : 'abc', false, compressed), rig.frame(PING, 'xy'));
    await rig.until(() => rig.events.length === 1);
    rig.reader.discard();
    rig.pump();
    rig.feed(rig.frame(TEXT, 'more'), rig.frame(CLOSE, closePayload(1000)));
    assert.deepEqual(rig.events, ['text a +', 'close 1000']);
  }
});

test('a discarding reader still reports protocol errors', () => {
  const rig = new Rig();
  rig.reader.discard();
  rig.feed(rig.frame(TEXT, Buffer.from([0xff])));
  assert.ok(rig.error instanceof WebSocketError && rig.error.closeCode === 1007);
});

test('a released reader reads nothing', () => {
  const rig = new Rig();
  rig.onEvent = () => rig.reader.release();
  rig.feed(rig.frame(TEXT, 'a'), rig.frame(TEXT, 'b'), rig.frame(CLOSE));
  assert.deepEqual(rig.events, ['text a']);
});

test('a compressed message costs as much credit as it has bytes, however many are on the wire', async () => {
  const text = 'Hello';
  const payload = deflateRawSync(Buffer.from(text), { level: 0, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  for (const credit of [1, 3, text.length]) {
    const rig = new Rig({ credit, deflate: DEFAULT_DEFLATE });
    rig.feed(rig.frame(TEXT, payload, false, true), rig.frame(PING, 'x'));
    await rig.until(() => rig.credit === 0);
    if (credit < text.length) rig.grant(text.length - credit);
    await rig.until(() => rig.events.at(-1)?.endsWith('+') === false);
    assert.equal(rig.credit, 0);
    // Nothing is left for the ping.
    assert.ok(!rig.events.includes('ping x'));
    rig.grant(1);
    await rig.until(() => rig.events.at(-1) === 'ping x');
  }
});

test('a compressed message does not begin without credit', async () => {
  const rig = new Rig({ credit: 0, deflate: DEFAULT_DEFLATE });
  rig.feed(rig.frame(TEXT, deflated('abc'), false, true));
  assert.equal(rig.reader.busy, false);
  rig.grant(3);
  await rig.until(() => rig.events.at(-1)?.endsWith('+') === false);
  assert.equal(rig.credit, 0);
});

test('an exception on an inflated piece is reported to the sink', async () => {
  const failing = new Rig({ deflate: DEFAULT_DEFLATE });
  failing.feed(failing.frame(TEXT, Buffer.from('ffffffff', 'hex'), false, true));
  await failing.until(() => failing.error !== null);
  assert.ok(failing.error instanceof WebSocketError && failing.error.closeCode === 1007);
  const defect = new Error('a defect');
  const throwing = new Rig({ deflate: DEFAULT_DEFLATE });
  throwing.onEvent = () => {
    throw defect;
  };
  throwing.feed(throwing.frame(TEXT, deflated('abc'), false, true));
  await throwing.until(() => throwing.error !== null);
  assert.equal(throwing.error, defect);
});

test('a paused reader passes nothing on, not even empty items, and continues where it stopped', () => {
  const rig = new Rig();
  rig.onEvent = () => rig.reader.pause(true);
  rig.feed(...Array.from({ length: 3 }, () => rig.frame(PING)), rig.frame(TEXT, 'a'), rig.frame(CLOSE));
  const steps: string[] = [];
  for (let i = 0; i < 5; i++) {
    steps.push(rig.events.join());
    rig.reader.pause(false);
    rig.pump();
  }
  assert.deepEqual(steps, [
    'ping',
    'ping,ping',
    'ping,ping,ping',
    'ping,ping,ping,text a',
    'ping,ping,ping,text a,close 1005',
  ]);
});

test('a piece that is being inflated stops at a pause, and continues after it', async () => {
  const rig = new Rig({ deflate: DEFAULT_DEFLATE, credit: 2 ** 50 });
  const large = 'x'.repeat(2_000_000);
  rig.feed(
    rig.frame(BINARY, deflateRawSync(large, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), false, true),
  );
  rig.onEvent = () => rig.reader.pause(true);
  let received = 0;
  let pieces = 0;
  while (received < large.length) {
    await rig.until(() => rig.events.length > 0);
    assert.equal(rig.events.length, 1, 'one piece each time');
    received += (rig.events.splice(0)[0] as string).replace(/^binary | \+$/g, '').length;
    pieces++;
    rig.reader.pause(false);
  }
  assert.ok(pieces > 1);
});

test('a read passes on as many items as it may, and says that it was interrupted', () => {
  const rig = new Rig();
  const input = Buffer.concat([rig.frame(PING), rig.frame(TEXT, 'a'), rig.frame(PING), rig.frame(PONG)]);
  const rest = rig.reader.read(input, 3) as Buffer;
  assert.deepEqual([rig.events, rig.reader.interrupted], [['ping', 'text a', 'ping'], true]);
  // Everything is passed on: there is nothing to go on with.
  assert.equal(rig.reader.read(rest, 1), null);
  assert.deepEqual([rig.events.at(-1), rig.reader.interrupted], ['pong', false]);
});
