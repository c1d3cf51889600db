import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { constants, inflateRawSync } from 'node:zlib';
import { Deflater, type DeflaterOptions, deflateMessage, Inflater } from '../../../../src/codec/websocket/index.ts';
import { unguarded } from '../../../support/unguarded.ts';

const OPTIONS: DeflaterOptions = { windowBits: 15, contextTakeover: true };
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

interface Frame {
  readonly payload: Buffer;
  readonly more: boolean;
}

/** A deflater and what it gave. */
class Bench {
  readonly frames: Frame[] = [];
  readonly deflater: Deflater;
  idles = 0;
  onFrame: () => void = () => {};
  onIdle: () => void = () => {};

  constructor(options: Partial<DeflaterOptions> = {}) {
    this.deflater = new Deflater(
      { ...OPTIONS, ...options },
      {
        onDeflated: (payload, more) => {
          this.frames.push({ payload, more });
          this.onFrame();
        },
        onDeflaterIdle: () => {
          this.idles++;
          this.onIdle();
        },
        onDeflaterError: (error) => {
          throw error;
        },
      },
      unguarded,
    );
  }

  /** Writes one piece and waits until all of it is out. */
  write(piece: Buffer | string, more = false): Promise<void> {
    return new Promise((resolve) => {
      this.onIdle = resolve;
      this.deflater.write(Buffer.from(piece), more);
    });
  }

  get hex(): string[] {
    return this.frames.map(({ payload, more }) => `${payload.toString('hex')}${more ? ' more' : ''}`);
  }
}

/** What a peer makes of the frames of one message, if it knows no former one. */
function inflatedAlone(frames: readonly Frame[], windowBits = 15): Buffer {
  const input = Buffer.concat([...frames.map(({ payload }) => payload), TAIL]);
  return inflateRawSync(input, { windowBits, finishFlush: constants.Z_SYNC_FLUSH });
}

/** What a peer with context takeover makes of frames: its messages. */
function inflated(frames: readonly Frame[], contextTakeover: boolean, windowBits = 15): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const messages: Buffer[] = [];
    let pieces: Buffer[] = [];
    const left = [...frames];
    const next = () => {
      const frame = left.shift();
      if (frame === undefined) resolve(messages);
      else inflater.write(frame.payload, false, frame.more);
    };
    const inflater = new Inflater(
      { windowBits, contextTakeover, maxMessageBytes: 10_000_000 },
      {
        onInflated: (data, more) => {
          pieces.push(data);
          if (more) return;
          messages.push(Buffer.concat(pieces));
          pieces = [];
        },
        onInflaterIdle: next,
        onInflaterError: reject,
      },
      unguarded,
    );
    inflater.grant(Number.POSITIVE_INFINITY);
    next();
  });
}

describe('the deflater', () => {
  test('writes the examples of RFC 7692 §7.2.3', async () => {
    const bench = new Bench();
    await bench.write('Hello');
    await bench.write('Hello');
    assert.deepEqual(bench.hex, ['f248cdc9c90700', 'f200110000']);
  });

  test('without context takeover refers to no former message', async () => {
    const bench = new Bench({ contextTakeover: false });
    await bench.write('Hello');
    await bench.write('Hello');
    assert.deepEqual(bench.hex, ['f248cdc9c90700', 'f248cdc9c90700']);
  });

  test('gives an empty message as an empty block, every time', async () => {
    const bench = new Bench();
    await bench.write('');
    await bench.write('');
    assert.deepEqual(bench.hex, ['00', '00']);
    assert.deepEqual(await inflated(bench.frames, true), [Buffer.alloc(0), Buffer.alloc(0)]);
  });

  test('lets each piece out at once, and gives nothing for an empty one', async () => {
    const bench = new Bench();
    await bench.write('Hel', true);
    assert.equal(bench.frames.length, 1);
    await bench.write('', true);
    assert.deepEqual([bench.frames.length, bench.idles], [1, 2]);
    await bench.write('lo');
    assert.deepEqual(
      bench.frames.map(({ more }) => more),
      [true, false],
    );
    assert.equal(inflatedAlone(bench.frames).toString(), 'Hello');
  });

  test('ends a message behind its last piece', async () => {
    const bench = new Bench();
    await bench.write('Hello', true);
    await bench.write('');
    assert.equal(bench.hex.at(-1), '00');
    assert.equal(inflatedAlone(bench.frames).toString(), 'Hello');
    await bench.write('Hello');
    assert.deepEqual((await inflated(bench.frames, true)).map(String), ['Hello', 'Hello']);
  });

  for (const contextTakeover of [true, false]) {
    for (const windowBits of [9, 12, 15]) {
      const how = contextTakeover ? 'with' : 'without';
      test(`is understood by a peer ${how} context takeover and a window of ${windowBits} bits`, async () => {
        const bench = new Bench({ windowBits, contextTakeover });
        const noise = randomBytes(700).toString('base64');
        const messages = [noise, 'a', noise.repeat(3), '', `${noise}${'x'.repeat(3000)}${noise}`].map((text) =>
          Buffer.from(text),
        );
        for (const message of messages) {
          await bench.write(message.subarray(0, 10), true);
          await bench.write(message.subarray(10));
        }
        assert.deepEqual(await inflated(bench.frames, contextTakeover, windowBits), messages);
      });
    }
  }

  test('gives a long piece in several frames', async () => {
    const bench = new Bench();
    const message = randomBytes(300_000);
    await bench.write(message);
    assert.ok(bench.frames.length > 1);
    assert.deepEqual(
      bench.frames.map(({ more }, i) => more === i < bench.frames.length - 1),
      bench.frames.map(() => true),
    );
    assert.deepEqual(inflatedAlone(bench.frames), message);
    await bench.write(message, true);
    await bench.write('');
    assert.deepEqual(await inflated(bench.frames, true), [message, message]);
  });

  test('gives whole messages when zlib says within a read that it is done', async () => {
    // A piece whose output zlib holds back until part of it is read, and others right behind it.
    const bench = new Bench();
    const messages = [
      Buffer.from('small'),
      randomBytes(20_000),
      Buffer.from('behind'),
      randomBytes(32_000),
      Buffer.from('last'),
    ];
    const left = [...messages];
    await new Promise<void>((resolve) => {
      bench.onIdle = () => {
        const message = left.shift();
        if (message === undefined) resolve();
        else bench.deflater.write(message, false);
      };
      bench.onIdle();
    });
    assert.deepEqual(await inflated(bench.frames, true), messages);
  });

  test('uses no more effort and memory than it is told', async () => {
    const text = 'the quick brown fox jumps over the lazy dog, '.repeat(50);
    const bench = new Bench({ level: 0, memLevel: 1 });
    await bench.write(text);
    const stored = bench.frames.reduce((sum, { payload }) => sum + payload.length, 0);
    assert.ok(stored > text.length);
    assert.equal(inflatedAlone(bench.frames).toString(), text);
  });

  test('calls nothing once closed', async () => {
    const bench = new Bench();
    bench.deflater.write(Buffer.from('Hello'), false);
    assert.equal(bench.deflater.busy, true);
    bench.deflater.close();
    const other = new Bench();
    await other.write('later');
    await other.write('still later');
    assert.deepEqual([bench.frames.length, bench.idles, bench.deflater.busy], [0, 0, false]);
  });

  test('may be closed by the receiver of a frame', async () => {
    const bench = new Bench();
    await new Promise<void>((resolve) => {
      bench.onFrame = () => {
        bench.deflater.close();
        resolve();
      };
      bench.deflater.write(Buffer.from('Hello'), false);
    });
    assert.deepEqual([bench.hex, bench.idles, bench.deflater.busy], [['f248cdc9c90700'], 0, false]);
  });
});

describe('a message deflated by itself', () => {
  test('is as in RFC 7692 §7.2.3', () => {
    assert.equal(deflateMessage(Buffer.from('Hello'), { windowBits: 15 }).toString('hex'), 'f248cdc9c90700');
    assert.equal(deflateMessage(Buffer.alloc(0), { windowBits: 15 }).toString('hex'), '00');
  });

  test('keeps to the window that it is told', () => {
    const noise = randomBytes(600).toString('base64');
    const message = Buffer.from(noise.repeat(4));
    const payload = deflateMessage(message, { windowBits: 9 });
    assert.deepEqual(inflatedAlone([{ payload, more: false }], 9), message);
  });

  test('suits peers with and without a context', async () => {
    const payload = deflateMessage(Buffer.from('Hello, Hello, Hello'), { windowBits: 15 });
    const frames = [1, 2, 3].map(() => ({ payload, more: false }));
    for (const contextTakeover of [true, false]) {
      const messages = await inflated(frames, contextTakeover);
      assert.deepEqual(messages.map(String), Array(3).fill('Hello, Hello, Hello'));
    }
  });
});
