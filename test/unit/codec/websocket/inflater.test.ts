import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import { Inflater, type InflaterOptions, type WebSocketError } from '../../../../src/codec/websocket/index.ts';
import { unguarded } from '../../../support/unguarded.ts';

const ENDLESS = Number.POSITIVE_INFINITY;
const OPTIONS: InflaterOptions = { windowBits: 15, contextTakeover: true, maxMessageBytes: 1_000_000 };

/** An inflater and what it gave. */
class Bench {
  readonly pieces: Buffer[] = [];
  /** `more` of each piece. */
  readonly more: boolean[] = [];
  idles = 0;
  error: WebSocketError | null = null;
  readonly inflater: Inflater;
  onPiece: () => void = () => {};
  #settled: () => void = () => {};

  constructor(options: Partial<InflaterOptions> = {}, credit = ENDLESS) {
    this.inflater = new Inflater(
      { ...OPTIONS, ...options },
      {
        onInflated: (data, more) => {
          this.pieces.push(data);
          this.more.push(more);
          this.onPiece();
        },
        onInflaterIdle: () => {
          this.idles++;
          this.#settled();
        },
        onInflaterError: (error) => {
          this.error = error;
          this.#settled();
        },
      },
      unguarded,
    );
    this.inflater.grant(credit);
  }

  /** Writes one piece, and waits until it is used up or the inflater failed. */
  write(piece: Buffer, text = false, more = false): Promise<void> {
    return new Promise((resolve) => {
      this.#settled = resolve;
      this.inflater.write(piece, text, more);
    });
  }

  get output(): Buffer {
    return Buffer.concat(this.pieces);
  }
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** One message as a sender without context makes it. */
function deflated(message: Buffer | string): Buffer {
  return deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

describe('the examples of RFC 7692 §7.2.3', () => {
  const examples: [string, string][] = [
    ['a message of one block', 'f2 48 cd c9 c9 07 00'],
    ['a block that is not compressed', '00 05 00 fa ff 48 65 6c 6c 6f 00'],
    ['a block that says it is the last one', 'f3 48 cd c9 c9 07 00 00'],
    ['two blocks', 'f2 48 05 00 00 00 ff ff ca c9 c9 07 00'],
  ];
  for (const [title, bytes] of examples) {
    test(title, async () => {
      const bench = new Bench();
      await bench.write(hex(bytes), true);
      assert.equal(bench.output.toString(), 'Hello');
      assert.equal(bench.more.at(-1), false);
      assert.deepEqual([bench.idles, bench.error, bench.inflater.busy], [1, null, false]);
    });

    test(`${title}, byte by byte and with single credits`, async () => {
      const bench = new Bench({}, 1);
      bench.onPiece = () => bench.inflater.grant(1);
      const input = hex(bytes);
      for (let i = 0; i < input.length; i++) await bench.write(input.subarray(i, i + 1), true, i < input.length - 1);
      assert.equal(bench.output.toString(), 'Hello');
      assert.ok(bench.pieces.every((piece) => piece.length <= 1));
      assert.deepEqual(
        bench.more.map((more, i) => more === i < bench.more.length - 1),
        bench.more.map(() => true),
      );
    });
  }

  test('the second message refers to the first one', async () => {
    const bench = new Bench();
    await bench.write(hex('f2 48 cd c9 c9 07 00'));
    await bench.write(hex('f2 00 11 00 00'));
    assert.equal(bench.output.toString(), 'HelloHello');
    assert.deepEqual(bench.more, [false, false]);
  });

  test('an empty message', async () => {
    const bench = new Bench({}, 0);
    await bench.write(hex('00'), true);
    assert.deepEqual([bench.output.length, bench.more], [0, [false]]);
  });
});

describe('the inflater', () => {
  test('gives a small message in one piece', async () => {
    const bench = new Bench();
    await bench.write(deflated('a'.repeat(1000)), true);
    assert.deepEqual([bench.pieces.length, bench.more], [1, [false]]);
  });

  test('ends a message with an empty piece of input', async () => {
    const bench = new Bench();
    await bench.write(deflated('Hello'), true, true);
    await bench.write(Buffer.alloc(0), true);
    assert.equal(bench.output.toString(), 'Hello');
    assert.deepEqual([bench.more.at(-1), bench.idles], [false, 2]);
  });

  test('continues with a message behind one that ended in a last block, without its context', async () => {
    const bench = new Bench();
    await bench.write(hex('f3 48 cd c9 c9 07 00 00'));
    await bench.write(deflated('again'));
    assert.equal(bench.output.toString(), 'Helloagain');
    await bench.write(hex('f3 48 cd c9 c9 07 00 00'));
    await bench.write(hex('f2 00 11 00 00'));
    assert.equal(bench.error?.closeCode, 1007);
  });

  test('without context takeover knows no former message', async () => {
    const bench = new Bench({ contextTakeover: false });
    await bench.write(hex('f2 48 cd c9 c9 07 00'));
    assert.equal(bench.output.toString(), 'Hello');
    await bench.write(hex('f2 00 11 00 00'));
    assert.equal(bench.error?.closeCode, 1007);
    assert.equal(bench.output.toString(), 'Hello');
  });

  test('follows a sender with a small window over many messages', async () => {
    for (const windowBits of [9, 12]) {
      const sender = createDeflateRaw({ windowBits, flush: constants.Z_SYNC_FLUSH });
      const bench = new Bench({ windowBits });
      let expected = '';
      for (let i = 0; i < 5; i++) {
        const message = `${i} ${'lorem ipsum dolor '.repeat(200)}${i}`;
        expected += message;
        sender.write(message);
        await once(sender, 'readable');
        await bench.write((sender.read() as Buffer).subarray(0, -4), true);
      }
      assert.equal(bench.error, null);
      assert.equal(bench.output.toString(), expected);
      sender.close();
    }
  });

  test('takes a window of 9 bits where 8 were agreed on, as zlib compresses it', async () => {
    const message = Buffer.concat([Buffer.from('0123456789'), Buffer.alloc(230, 'x'), Buffer.from('0123456789')]);
    const bench = new Bench({ windowBits: 8 });
    const input = deflateRawSync(Buffer.concat([message, message]), {
      windowBits: 9,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    await bench.write(input.subarray(0, -4));
    assert.deepEqual(bench.output, Buffer.concat([message, message]));
  });

  test('gives no more than was granted, and continues with the next grant', async () => {
    const message = Buffer.alloc(200_000, 'abcdefg');
    const bench = new Bench({}, 1);
    let granted = 1;
    bench.onPiece = () => {
      assert.ok(bench.output.length <= granted);
      const next = granted === 1 ? 70_000 : 999;
      granted += next;
      bench.inflater.grant(next);
    };
    await bench.write(deflated(message));
    assert.deepEqual(bench.output, message);
    assert.deepEqual(
      bench.more.map((more, i) => more === i < bench.more.length - 1),
      bench.more.map(() => true),
    );
  });

  test('is busy until its output was taken', async () => {
    const bench = new Bench({}, 3);
    const done = bench.write(deflated('Hello'));
    await new Promise<void>((resolve) => {
      bench.onPiece = resolve;
    });
    assert.deepEqual([bench.output.toString(), bench.inflater.busy, bench.idles], ['Hel', true, 0]);
    bench.inflater.grant(2);
    await done;
    assert.deepEqual([bench.output.toString(), bench.inflater.busy, bench.idles], ['Hello', false, 1]);
  });

  test('takes single credits for a long message without running deep', async () => {
    const message = Buffer.alloc(30_000, 'abc');
    const bench = new Bench({}, 1);
    bench.onPiece = () => bench.inflater.grant(1);
    await bench.write(deflated(message));
    assert.deepEqual(bench.output, message);
  });

  test('calls nothing once closed', async () => {
    const bench = new Bench();
    bench.inflater.write(deflated('a'.repeat(1000)), false, false);
    bench.inflater.close();
    const other = new Bench();
    await other.write(deflated('later'));
    await other.write(deflated('still later'));
    assert.deepEqual([bench.pieces.length, bench.idles, bench.error], [0, 0, null]);
  });

  test('may be closed by the receiver of a piece', async () => {
    const bench = new Bench({}, 3);
    await new Promise<void>((resolve) => {
      bench.onPiece = () => {
        bench.inflater.close();
        resolve();
      };
      bench.inflater.write(deflated('Hello'), true, false);
    });
    bench.inflater.grant(10);
    assert.deepEqual([bench.output.toString(), bench.idles, bench.error], ['Hel', 0, null]);
  });
});

describe('the bounds of inflation', () => {
  test('a message may have as many bytes as are allowed', async () => {
    const bench = new Bench({ maxMessageBytes: 100_000 });
    await bench.write(deflated(Buffer.alloc(100_000)));
    assert.deepEqual([bench.output.length, bench.error], [100_000, null]);
    await bench.write(deflated(Buffer.alloc(100_000)));
    assert.deepEqual([bench.output.length, bench.error], [200_000, null]);
  });

  test('one byte more fails it behind the last allowed one', async () => {
    const bench = new Bench({ maxMessageBytes: 100_000 });
    await bench.write(deflated(Buffer.alloc(100_001)));
    assert.deepEqual([bench.output.length, bench.error?.closeCode, bench.idles], [100_000, 1009, 0]);
    assert.ok(bench.more.every((more) => more));
  });

  test('bytes count over all pieces of a message', async () => {
    const bench = new Bench({ maxMessageBytes: 8 });
    const input = deflated('Hello, world');
    await bench.write(input.subarray(0, 6), true, true);
    await bench.write(input.subarray(6), true);
    assert.deepEqual([bench.output.toString(), bench.error?.closeCode], ['Hello, w', 1009]);
  });

  test('a bomb stops at its limit, and long before that without credit', async () => {
    const bomb = deflated(Buffer.alloc(50_000_000));
    const bench = new Bench({ maxMessageBytes: 200_000 }, 10);
    const done = bench.write(bomb);
    await new Promise<void>((resolve) => {
      bench.onPiece = resolve;
    });
    assert.deepEqual([bench.output.length, bench.inflater.busy], [10, true]);
    bench.inflater.grant(ENDLESS);
    await done;
    assert.deepEqual([bench.output.length, bench.error?.closeCode], [200_000, 1009]);
  });
});

describe('what does not inflate', () => {
  test('a block of an unknown type', async () => {
    const bench = new Bench();
    await bench.write(hex('ff ff'));
    assert.equal(bench.error?.closeCode, 1007);
    assert.equal(bench.inflater.busy, false);
  });

  test('a reference to before the first byte', async () => {
    const bench = new Bench();
    await bench.write(hex('f2 00 11 00 00'));
    assert.equal(bench.error?.closeCode, 1007);
  });

  test('data behind a last block', async () => {
    const bench = new Bench();
    await bench.write(Buffer.concat([deflateRawSync('Hello'), deflated('more')]));
    assert.equal(bench.error?.closeCode, 1007);
  });

  test('data behind a last block, in another piece', async () => {
    const bench = new Bench();
    await bench.write(deflateRawSync('Hello'), false, true);
    await bench.write(deflated('more'), false);
    assert.equal(bench.error?.closeCode, 1007);
  });
});

describe('a message that was cut off', () => {
  const text = 'It was the best of times, it was the worst of times; it was the age of wisdom, it was the age. '.repeat(
    4,
  );
  const messages = {
    'one of fixed codes': { input: deflated('Hello, Hello, Hello!') },
    'one of dynamic codes': { input: deflated(text + [...text].reverse().join('')) },
    'one that is stored': {
      input: deflateRawSync(text, { level: 0, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4),
    },
  };
  for (const [what, { input }] of Object.entries(messages)) {
    test(`is never taken for whole: ${what}, at every byte`, async () => {
      for (const contextTakeover of [true, false]) {
        // A first byte of zero alone is a whole empty message.
        for (let length = input[0] === 0 ? 2 : 1; length < input.length; length++) {
          const bench = new Bench({ contextTakeover });
          await bench.write(input.subarray(0, length));
          assert.deepEqual([bench.error?.closeCode, bench.more.includes(false)], [1007, false], `${length} bytes`);
        }
      }
    });
  }

  test('gives only bytes that were sent, however little is granted at a time', async () => {
    const input = deflateRawSync(text, { level: 0, finishFlush: constants.Z_SYNC_FLUSH });
    const bench = new Bench({}, 1);
    bench.onPiece = () => bench.inflater.grant(1);
    await bench.write(input.subarray(0, 100));
    assert.ok(text.startsWith(bench.output.toString()));
    assert.deepEqual([bench.error?.closeCode, bench.more.includes(false)], [1007, false]);
  });

  test('fails also when the end of the message comes by itself', async () => {
    const bench = new Bench();
    await bench.write(deflated('Hello, Hello, Hello!').subarray(0, 5), false, true);
    await bench.write(Buffer.alloc(0));
    assert.deepEqual([bench.error?.closeCode, bench.more.includes(false)], [1007, false]);
  });
});

describe('text within a compressed message', () => {
  test('is checked over all pieces', async () => {
    const input = deflated('é€😀');
    const bench = new Bench({}, 1);
    bench.onPiece = () => bench.inflater.grant(1);
    await bench.write(input.subarray(0, 3), true, true);
    await bench.write(input.subarray(3), true);
    assert.deepEqual([bench.output.toString(), bench.error], ['é€😀', null]);
  });

  test('comes out as far as it is UTF-8', async () => {
    const bench = new Bench();
    await bench.write(deflated(Buffer.from([0x61, 0x62, 0xff, 0x63])), true);
    assert.deepEqual([bench.output.toString(), bench.error?.closeCode, bench.more], ['ab', 1007, [true]]);
  });

  test('does not end within a character', async () => {
    const bench = new Bench();
    await bench.write(deflated(Buffer.from([0x61, 0xc3])), true);
    assert.deepEqual([bench.output.toString(), bench.error?.closeCode, bench.more], ['a', 1007, [true]]);
  });

  test('is not checked in a binary message', async () => {
    const bench = new Bench();
    await bench.write(deflated(Buffer.from([0xff])), false);
    assert.deepEqual([bench.output, bench.error], [Buffer.from([0xff]), null]);
  });
});
